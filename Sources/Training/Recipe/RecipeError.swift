import Castor

/// A mistake in a recipe: the place of a key, and what is wrong there.
package struct RecipeProblem: Sendable, Equatable, CustomStringConvertible {
    /// `stages[1].data[0].rate`; empty for the recipe as a whole.
    package var path: String
    package var reason: String
    /// In the recipe's file; nil for what is not in it.
    package var line: Int?

    package init(path: String, reason: String) {
        self.path = path
        self.reason = reason
    }

    /// One line: a key may have any name.
    package var description: String {
        ((line.map { "line \($0): " } ?? "") + (path.isEmpty ? reason : "\(path): \(reason)")).printable
    }
}

/// Why there is no recipe to follow.
package enum RecipeError: Error, Sendable, Equatable, CustomStringConvertible {
    case notFound(path: String)
    case unreadable(path: String, reason: String)
    /// Not JSON at all.
    case syntax(path: String, reason: String)
    /// An override that is not `key=value`, or whose key is in no recipe.
    case override(text: String, reason: String)
    /// Every mistake, in the order of the schema; at least one.
    case invalid([RecipeProblem])

    /// A line each mistake.
    package var description: String {
        switch self {
        case .notFound(let path): "\(path): no such file".printable
        case .unreadable(let path, let reason), .syntax(let path, let reason): "\(path): \(reason)".printable
        case .override(let text, let reason): "--set \(text): \(reason)".printable
        case .invalid(let problems): problems.map(\.description).joined(separator: "\n")
        }
    }
}
