/// What somebody meant who wrote a name that nobody has.
package enum Spelling {
    /// The name that is the fewest edits away, and few; nil where none is near. Upper and lower case count little.
    package static func nearest<Names: Sequence<String>>(to given: String, among names: Names) -> String? {
        var best: (edits: Int, name: String)?
        for name in names {
            if let edits = edits(given, name), edits < best?.edits ?? Int.max { best = (edits, name) }
        }
        return best?.name
    }

    /// The edit distance, where it is at most a third of the wanted length, and three.
    package static func edits(_ given: String, _ wanted: String) -> Int? {
        if given == wanted { return 0 }
        let limit = min(3, wanted.count / 3)
        guard abs(given.utf8.count - wanted.utf8.count) <= limit else { return nil }
        if given.lowercased() == wanted.lowercased() { return 1 }
        let (a, b) = (Array(given.utf8), Array(wanted.utf8))
        var row = Array(0...b.count)
        for (i, left) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, right) in b.enumerated() {
                let replaced = diagonal + (left == right ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, diagonal + 1, row[j] + 1)
            }
        }
        return row[b.count] <= limit ? row[b.count] : nil
    }
}
