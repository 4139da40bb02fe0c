import CastorJSON

/// What a value of a recipe may be.
indirect enum RecipeShape: Sendable {
    case flag
    case text
    /// A file or folder; relative to the recipe's folder, or to the working folder in an override.
    case path
    case choice([String])
    case whole(Limits)
    case number(Limits)
    case list(RecipeShape, minimum: Int)
    case object([RecipeField])
    /// The first that fits by the kind of JSON value.
    case either([RecipeShape])

    /// What a number must hold to.
    struct Limits: Sendable {
        var least: Double?
        /// Not itself allowed.
        var above: Double?
        var most: Double?

        static func atLeast(_ value: Double) -> Limits { Limits(least: value) }
        static func above(_ value: Double) -> Limits { Limits(above: value) }
        static let share = Limits(least: 0, most: 1)

        func allows(_ value: Double) -> Bool {
            value.isFinite && (least.map { value >= $0 } ?? true) && (above.map { value > $0 } ?? true)
                && (most.map { value <= $0 } ?? true)
        }

        /// "above 0", "at least 1", "from 0 to 1".
        var words: String {
            func text(_ value: Double) -> String { JSONValue.string(value) }
            switch (least, above, most) {
            case (let least?, _, let most?): return "from \(text(least)) to \(text(most))"
            case (_, let above?, let most?): return "above \(text(above)), at most \(text(most))"
            case (let least?, _, nil): return "at least \(text(least))"
            case (_, let above?, nil): return "above \(text(above))"
            case (nil, nil, let most?): return "at most \(text(most))"
            default: return "a number"
            }
        }
    }
}

/// A key of a recipe.
struct RecipeField: Sendable {
    enum Presence: Sendable {
        case required
        /// nil: nothing is taken for it.
        case optional
        /// JSON that stands for it when it is not given.
        case defaults(String)
    }

    let name: String
    let shape: RecipeShape
    let presence: Presence
    let note: String

    init(_ name: String, _ shape: RecipeShape, _ presence: Presence = .optional, _ note: String) {
        self.name = name
        self.shape = shape
        self.presence = presence
        self.note = note
    }
}

extension RecipeShape {
    /// What a message says is wanted.
    var words: String {
        switch self {
        case .flag: "true or false"
        case .text: "a text"
        case .path: "a path"
        case .choice(let values): "one of \(values.joined(separator: ", "))"
        case .whole(let limits): "a whole number \(limits.words)"
        case .number(let limits): limits.words == "a number" ? "a number" : "a number \(limits.words)"
        case .list(let item, let minimum): "a list\(minimum > 0 ? " of at least \(minimum)" : ""), each \(item.words)"
        case .object: "an object"
        case .either(let shapes): shapes.map(\.words).joined(separator: ", or ")
        }
    }

    private func fits(_ value: JSONValue) -> Bool {
        switch (self, value) {
        case (.flag, .flag), (.text, .text), (.path, .text), (.choice, .text), (.whole, .number), (.number, .number),
            (.list, .list), (.object, .object):
            true
        case (.either(let shapes), _): shapes.contains { $0.fits(value) }
        default: false
        }
    }

    /// The value with defaults filled in. Mistakes go to `problems`.
    func checked(_ value: JSONValue, _ path: String, _ problems: inout [RecipeProblem]) -> JSONValue {
        func wrong(_ reason: String) -> JSONValue {
            problems.append(RecipeProblem(path: path, reason: reason))
            return value
        }
        switch (self, value) {
        case (.flag, .flag): return value
        case (.text, .text(let text)), (.path, .text(let text)): return text.isEmpty ? wrong("is empty") : value
        case (.choice(let allowed), .text(let text)):
            if allowed.contains(text) { return value }
            let hint = Self.nearest(text, in: allowed).map { ". Did you mean \"\($0)\"?" } ?? ""
            return wrong("must be one of \(allowed.joined(separator: ", ")), is \"\(text)\"\(hint)")
        case (.whole(let limits), .number(let number)):
            guard Int(exactly: number) != nil else { return wrong("must be a whole number, is \(value.kind)") }
            return limits.allows(number) ? value : wrong("must be \(limits.words), is \(value.kind)")
        case (.number(let limits), .number(let number)):
            return limits.allows(number) ? value : wrong("must be \(limits.words), is \(value.kind)")
        case (.list(let item, let minimum), .list(let values)):
            guard values.count >= minimum else { return wrong("needs at least \(minimum), has \(values.count)") }
            return .list(values.enumerated().map { item.checked($1, "\(path)[\($0)]", &problems) })
        case (.object(let fields), .object(let given)): return Self.checked(fields, given, path, &problems)
        case (.either(let shapes), _):
            guard let shape = shapes.first(where: { $0.fits(value) }) else {
                return wrong("must be \(words), is \(value.kind)")
            }
            return shape.checked(value, path, &problems)
        default: return wrong("must be \(words), is \(value.kind)")
        }
    }

    private static func checked(
        _ fields: [RecipeField], _ given: [String: JSONValue], _ path: String, _ problems: inout [RecipeProblem]
    ) -> JSONValue {
        let names = fields.map(\.name)
        for key in given.keys.sorted() where !names.contains(key) {
            let hint =
                nearest(key, in: names).map { "did you mean \"\($0)\"?" }
                ?? "known keys are \(names.joined(separator: ", "))"
            problems.append(RecipeProblem(path: join(path, key), reason: "unknown key; \(hint)"))
        }
        var result: [String: JSONValue] = [:]
        for field in fields {
            let place = join(path, field.name)
            // null is as good as absent.
            if let value = given[field.name], value != .null {
                result[field.name] = field.shape.checked(value, place, &problems)
                continue
            }
            switch field.presence {
            case .required:
                problems.append(RecipeProblem(path: place, reason: "is missing; it must be \(field.shape.words)"))
            case .optional: break
            case .defaults(let json):
                guard let value = try? JSONValue(json: Array(json.utf8)) else {
                    preconditionFailure("the default of \(place) is not JSON: \(json)")
                }
                result[field.name] = field.shape.checked(value, place, &problems)
            }
        }
        return .object(result)
    }

    static func join(_ path: String, _ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    /// The known word with the fewest edits, if they are few for its length.
    static func nearest(_ word: String, in known: [String]) -> String? {
        let ranked = known.map { (word: $0, distance: distance(word.lowercased(), $0.lowercased())) }
        guard let best = ranked.min(by: { $0.distance < $1.distance }) else { return nil }
        let longest = max(word.count, best.word.count)
        return best.distance <= max(1, longest / 3) || best.word.lowercased().hasPrefix(word.lowercased())
            ? best.word : nil
    }

    /// Insertions, deletions, exchanges, and swaps of neighbours.
    private static func distance(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a), Array(b))
        var table = [[Int]](repeating: [Int](repeating: 0, count: b.count + 1), count: a.count + 1)
        for i in 0...a.count { table[i][0] = i }
        for j in 0...b.count { table[0][j] = j }
        guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
        for i in 1...a.count {
            for j in 1...b.count {
                let change = table[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)
                table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, change)
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
                    table[i][j] = min(table[i][j], table[i - 2][j - 2] + 1)
                }
            }
        }
        return table[a.count][b.count]
    }

    /// The tree with every relative path made relative to `folder`; whatever does not fit stays as it is.
    func resolvingPaths(_ value: JSONValue, in folder: String) -> JSONValue {
        switch (self, value) {
        case (.path, .text(let path)) where !path.isEmpty && !path.hasPrefix("/"):
            return .text(folder.isEmpty || folder == "." ? path : "\(folder == "/" ? "" : folder)/\(path)")
        case (.list(let item, _), .list(let values)): return .list(values.map { item.resolvingPaths($0, in: folder) })
        case (.object(let fields), .object(let given)):
            var given = given
            for field in fields {
                if let value = given[field.name] { given[field.name] = field.shape.resolvingPaths(value, in: folder) }
            }
            return .object(given)
        case (.either(let shapes), _):
            return shapes.first { $0.fits(value) }?.resolvingPaths(value, in: folder) ?? value
        default: return value
        }
    }
}
