/// A step on the way to a value: a member's name or an item's place.
package enum JSONStep: Sendable, Equatable {
    case name(String)
    case index(Int)
}

extension [JSONStep] {
    /// `requests[0].content`; empty for the root.
    package var text: String {
        var text = ""
        for step in self {
            switch step {
            case .name(let name): text += text.isEmpty ? name : ".\(name)"
            case .index(let index): text += "[\(index)]"
            }
        }
        return text
    }
}

/// Why JSON cannot be read, and where: every reader of the program throws this, and each words it for whom it answers.
package struct JSONError: Error, Sendable, Equatable {
    package enum Problem: Sendable, Equatable {
        /// The bytes are no JSON.
        case syntax(String)
        /// A bound of the reader: depth, number of values, size.
        case limit(String)
        /// A name that the object may not have.
        case unknown(name: String)
        /// A name that the object has twice, be it in two spellings.
        case twice(name: String)
        /// The value is something else than `wanted`; `given` is how it is written, where that is short.
        case type(wanted: String, given: String?)
        /// A list where there can be one value only.
        case notRepeated(name: String)
        case missing(name: String)
        /// A list of more items than are taken; the complaint, where there is one, is the whole of what is said.
        case tooMany(limit: Int, complaint: String?)
        /// In words.
        case value(String)
    }

    package var problem: Problem
    package var path: [JSONStep]
    /// Counted from 1; a column is a byte.
    package var line: Int
    package var column: Int

    package init(_ problem: Problem, path: [JSONStep], line: Int, column: Int) {
        self.problem = problem
        self.path = path
        self.line = line
        self.column = column
    }

    /// Whether the bytes as such are at fault, rather than what they say.
    package var isSyntax: Bool {
        switch problem {
        case .syntax, .limit: true
        default: false
        }
    }

    /// What is wrong, without the place.
    package var reason: String {
        switch problem {
        case .syntax(let reason), .limit(let reason), .value(let reason): reason
        case .unknown(let name): "unknown field \"\(name)\""
        case .twice(let name): "field \"\(name)\" is given twice"
        case .type(let wanted, let given): "must be \(wanted)" + (given.map { ", is \($0)" } ?? "")
        case .notRepeated: "must be one value, is a list"
        case .missing(let name): "lacks \"\(name)\""
        case .tooMany(let limit, let complaint): complaint ?? "has more than \(limit) items"
        }
    }
}

extension JSONError: CustomStringConvertible {
    /// `line 3, column 7: a colon is expected here`, `stages[0].steps: must be a number`.
    package var description: String {
        if isSyntax { return "line \(line), column \(column): \(reason)" }
        return path.isEmpty ? reason : "\(path.text): \(reason)"
    }

    /// As ``description``, of a text that is one line of a file: its number is known otherwise.
    package var lineDescription: String { isSyntax ? "column \(column): \(reason)" : description }
}
