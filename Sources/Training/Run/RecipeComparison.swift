import CastorJSON

/// Whether a training may go on under a recipe: every key that changes what comes out must be as it was.
enum RecipeComparison {
    /// Keys of the recipe itself that change only when something is written or how fast it goes.
    static let free: Set<String> = [
        "name", "output", "threads", "workers", "prefetchBytes", "cache",
    ]

    static func check(old: String, new: String) throws(RunError) {
        guard old != new else { return }
        guard let old = try? JSONValue(json: Array(old.utf8)), let new = try? JSONValue(json: Array(new.utf8))
        else { throw .changed(key: "the recipe", was: "another one", now: "this one") }
        if let difference = Self.difference(old, new, at: "") {
            throw .changed(key: difference.key, was: difference.was, now: difference.now)
        }
    }

    private static func difference(
        _ old: JSONValue, _ new: JSONValue, at key: String
    ) -> (key: String, was: String, now: String)? {
        guard old != new else { return nil }
        switch (old, new) {
        case (.object(let a), .object(let b)):
            // A stage and a data set have names, too, and theirs count.
            let free = key.isEmpty ? Self.free : []
            for name in Set(a.keys).union(b.keys).sorted() where !free.contains(name) {
                let place = key.isEmpty ? name : "\(key).\(name)"
                if let found = difference(a[name] ?? .null, b[name] ?? .null, at: place) { return found }
            }
            return nil
        case (.list(let a), .list(let b)) where a.count == b.count:
            for (index, pair) in zip(a, b).enumerated() {
                if let found = difference(pair.0, pair.1, at: "\(key)[\(index)]") { return found }
            }
            return nil
        default: return (key, old.kind, new.kind)
        }
    }
}
