/// What a `.castorignore` names, in the language of `.gitignore` (https://git-scm.com/docs/gitignore), by bytes.
package struct IgnoreRules: Sendable, Equatable {
    private struct Rule: Sendable, Equatable {
        var pattern: [UInt8]
        var isNegated: Bool
        var isForFolders: Bool
        /// With a slash at its start or amid it, a pattern is held against the whole path below the file's folder; else against names alone.
        var isAnchored: Bool
    }

    private var rules: [Rule] = []

    package var isEmpty: Bool { rules.isEmpty }

    package init(_ bytes: some Collection<UInt8>) {
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            if let rule = Self.rule(Array(line)) { rules.append(rule) }
        }
    }

    private static func rule(_ line: [UInt8]) -> Rule? {
        var pattern = line[...]
        if pattern.last == UInt8(ascii: "\r") { pattern.removeLast() }
        // Spaces at the end go, unless a backslash keeps them.
        while pattern.last == UInt8(ascii: " "), pattern.dropLast().last != UInt8(ascii: "\\") { pattern.removeLast() }
        guard let first = pattern.first, first != UInt8(ascii: "#") else { return nil }
        let isNegated = first == UInt8(ascii: "!")
        if isNegated { pattern.removeFirst() }
        let isForFolders = pattern.last == UInt8(ascii: "/")
        if isForFolders { pattern.removeLast() }
        let isAnchored = pattern.contains(UInt8(ascii: "/"))
        if pattern.first == UInt8(ascii: "/") { pattern.removeFirst() }
        guard !pattern.isEmpty else { return nil }
        return Rule(pattern: Array(pattern), isNegated: isNegated, isForFolders: isForFolders, isAnchored: isAnchored)
    }

    /// Whether the file, or folder, at `path` below the rules' folder is to be passed over; nil where no rule speaks of it.
    package func verdict(_ path: [UInt8], isFolder: Bool) -> Bool? {
        let name = path.lastIndex(of: UInt8(ascii: "/")).map { path[($0 + 1)...] } ?? path[...]
        for rule in rules.reversed() where isFolder || !rule.isForFolders {
            if Self.matches(rule.pattern[...], rule.isAnchored ? path[...] : name) { return !rule.isNegated }
        }
        return nil
    }

    /// `*` and `?` stop at slashes, `**` between slashes does not. Time is bounded: of several stars, only the last one of a kind is ever tried
    /// again.
    static func matches(_ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>) -> Bool {
        let (star, slash) = (UInt8(ascii: "*"), UInt8(ascii: "/"))
        var (p, t) = (pattern.startIndex, text.startIndex)
        // Where to go on when what follows the last star, or pair of stars, does not fit.
        var single: (p: Int, t: Int)?
        var double: (p: Int, t: Int)?
        while true {
            if p < pattern.endIndex, pattern[p] == star {
                let stars = pattern[p...].prefix { $0 == star }.count
                let isWhole =
                    stars == 2 && (p == pattern.startIndex || pattern[p - 1] == slash)
                    && (p + 2 == pattern.endIndex || pattern[p + 2] == slash)
                if isWhole {
                    if p + 2 == pattern.endIndex { return t < text.endIndex }
                    p += 3
                    (single, double) = (nil, (p, t))
                } else {
                    p += stars
                    single = (p, t)
                }
                continue
            }
            if t == text.endIndex {
                if p == pattern.endIndex { return true }
            } else if p < pattern.endIndex, let next = Self.step(pattern, p, text[t]) {
                (p, t) = (next, t + 1)
                continue
            }
            if let last = single, last.t < text.endIndex, text[last.t] != slash {
                single = (last.p, last.t + 1)
                (p, t) = (last.p, last.t + 1)
            } else if let last = double, let next = text[last.t...].firstIndex(of: slash) {
                double = (last.p, next + 1)
                single = nil
                (p, t) = (last.p, next + 1)
            } else {
                return false
            }
        }
    }

    /// Behind the pattern's piece at `p`, if it is one byte of this value.
    private static func step(_ pattern: ArraySlice<UInt8>, _ p: Int, _ byte: UInt8) -> Int? {
        switch pattern[p] {
        case UInt8(ascii: "?"): return byte == UInt8(ascii: "/") ? nil : p + 1
        case UInt8(ascii: "\\") where p + 1 < pattern.endIndex: return pattern[p + 1] == byte ? p + 2 : nil
        case UInt8(ascii: "["):
            guard let (isIn, end) = Self.set(pattern, p, byte) else { break }
            return isIn && byte != UInt8(ascii: "/") ? end : nil
        default: break
        }
        return pattern[p] == byte ? p + 1 : nil
    }

    /// `[a-z]`, `[!abc]`; nil where the bracket is not closed and so stands for itself.
    private static func set(_ pattern: ArraySlice<UInt8>, _ start: Int, _ byte: UInt8) -> (isIn: Bool, end: Int)? {
        var p = start + 1
        var isNegated = false
        if p < pattern.endIndex, [UInt8(ascii: "!"), UInt8(ascii: "^")].contains(pattern[p]) {
            isNegated = true
            p += 1
        }
        var isIn = false
        var isFirst = true
        while p < pattern.endIndex, isFirst || pattern[p] != UInt8(ascii: "]") {
            isFirst = false
            if pattern[p] == UInt8(ascii: "\\"), p + 1 < pattern.endIndex { p += 1 }
            let low = pattern[p]
            var high = low
            if p + 2 < pattern.endIndex, pattern[p + 1] == UInt8(ascii: "-"), pattern[p + 2] != UInt8(ascii: "]") {
                high = pattern[p + 2]
                p += 2
            }
            if low <= byte, byte <= high { isIn = true }
            p += 1
        }
        guard p < pattern.endIndex else { return nil }
        return (isIn != isNegated, p + 1)
    }
}
