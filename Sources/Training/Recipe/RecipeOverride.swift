package import CastorJSON

/// `stages[0].schedule.peak=1e-3`: a value for one place of a recipe.
///
/// The value is JSON where it is JSON, else a text. `stages[0].data[]=...` appends to a list. Objects on the way are made
/// where they are missing; the key must be one that a recipe knows.
package struct RecipeOverride: Sendable, Equatable {
    package enum Step: Sendable, Equatable {
        case key(String)
        case index(Int)
        /// Behind the last.
        case end
    }

    package let text: String
    package let steps: [Step]
    package let value: JSONValue
    private let words: String

    package init(_ text: String) throws(RecipeError) {
        self.text = text
        guard let equals = text.firstIndex(of: "=") else {
            throw .override(text: text, reason: "is not of the form key=value")
        }
        steps = try Self.parse(String(text[..<equals]), text)
        words = String(text[text.index(after: equals)...])
        value = (try? JSONValue(json: Array(words.utf8))) ?? .text(words)
    }

    private static func parse(_ path: String, _ text: String) throws(RecipeError) -> [Step] {
        func fail() -> RecipeError {
            .override(text: text, reason: "\"\(path)\" is no place in a recipe, such as stages[0].schedule.peak")
        }
        var steps: [Step] = []
        for part in path.split(separator: ".", omittingEmptySubsequences: false) {
            let pieces = part.split(separator: "[", omittingEmptySubsequences: false)
            guard let name = pieces.first, !name.isEmpty else { throw fail() }
            steps.append(.key(String(name)))
            for piece in pieces.dropFirst() {
                guard piece.last == "]" else { throw fail() }
                let number = piece.dropLast()
                if number.isEmpty {
                    steps.append(.end)
                } else if let index = Int(number), index >= 0 {
                    steps.append(.index(index))
                } else {
                    throw fail()
                }
            }
        }
        return steps
    }

    /// Puts the value into the tree.
    package func apply(to tree: inout JSONValue) throws(RecipeError) {
        tree = try put(in: tree, RecipeSchema.root, steps[...], "")
    }

    private func put(
        in tree: JSONValue?, _ shape: RecipeShape, _ steps: ArraySlice<Step>, _ path: String
    ) throws(RecipeError) -> JSONValue {
        guard let step = steps.first else {
            // The working folder is where paths on the command line start.
            return shape.resolvingPaths(shape.isText && value != .null ? .text(words) : value, in: "")
        }
        switch step {
        case .key(let key):
            guard let fields = shape.fields else {
                throw fail("\(path.isEmpty ? "the recipe" : path) has no keys")
            }
            let place = RecipeShape.join(path, key)
            guard let field = fields.first(where: { $0.name == key }) else {
                let names = fields.map(\.name)
                throw fail(
                    "\(place): unknown key; "
                        + (RecipeShape.nearest(key, in: names).map { "did you mean \"\($0)\"?" }
                            ?? "known keys are \(names.joined(separator: ", "))"))
            }
            var object: [String: JSONValue] = [:]
            switch tree {
            case .object(let given)?: object = given
            case nil, .null?: break
            default: throw fail("\(path) is \(tree?.kind ?? "null") in the recipe, not an object")
            }
            object[key] = try put(in: object[key], field.shape, steps.dropFirst(), place)
            return .object(object)
        case .index, .end:
            guard let item = shape.item else { throw fail("\(path) is not a list") }
            var list: [JSONValue] = []
            if case .list(let given)? = tree { list = given }
            var index = list.count
            if case .index(let wanted) = step { index = wanted }
            guard index <= list.count else {
                throw fail("\(path)[\(index)] is beyond the end; the list has \(list.count)")
            }
            let changed = try put(
                in: index < list.count ? list[index] : nil, item, steps.dropFirst(), "\(path)[\(index)]")
            if index < list.count { list[index] = changed } else { list.append(changed) }
            return .list(list)
        }
    }

    private func fail(_ reason: String) -> RecipeError { .override(text: text, reason: reason) }
}

extension RecipeShape {
    /// Whether a number or a word like true is a text here.
    fileprivate var isText: Bool {
        switch self {
        case .text, .path, .choice: true
        default: false
        }
    }

    fileprivate var fields: [RecipeField]? {
        switch self {
        case .object(let fields): fields
        case .either(let shapes): shapes.lazy.compactMap(\.fields).first
        default: nil
        }
    }

    fileprivate var item: RecipeShape? {
        switch self {
        case .list(let item, _): item
        case .either(let shapes): shapes.lazy.compactMap(\.item).first
        default: nil
        }
    }
}
