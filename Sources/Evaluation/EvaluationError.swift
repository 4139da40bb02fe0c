/// Why an evaluation cannot go on.
package enum EvaluationError: Error, Sendable, Equatable {
    case notFound(path: String)
    case unreadable(path: String, reason: String)
    /// A folder without task files.
    case noTasks(path: String)
    /// A task file that does not say what it must; `key` is the place in it, as in `first.content[0]`.
    case task(path: String, key: String?, reason: String)
    /// Data that a task names and that do not have what it names.
    case data(path: String, reason: String)
    case noItems(task: String)
    /// More bad items than ``SkipLog/allowedShare``.
    case tooManySkipped(task: String, count: Int, total: Int, first: String)
    case dimensions(Int, limit: Int)
    /// The weights, not the data, are at fault.
    case model(String)

    /// Who has to act, and so which exit status a program answers with.
    package enum Kind: Sendable {
        case usage, input, notFound
    }

    package var kind: Kind {
        switch self {
        case .notFound: .notFound
        case .dimensions: .usage
        default: .input
        }
    }
}

extension EvaluationError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notFound(let path): "\(path): no such file or folder"
        case .unreadable(let path, let reason): "\(path): \(reason)"
        case .noTasks(let path): "\(path) has no task files (*.json)"
        case .task(let path, let key, let reason): "\(path): \(key.map { "\($0): " } ?? "")\(reason)"
        case .data(let path, let reason): "\(path): \(reason)"
        case .noItems(let task): "\(task) has no items"
        case .tooManySkipped(let task, let count, let total, let first):
            "\(task): \(count) of \(total) items cannot be used, more than \(SkipLog.allowedPercent) %; the first is \(first)"
        case .dimensions(let value, let limit): "\(value) dimensions are outside 1...\(limit)"
        case .model(let reason): reason
        }
    }
}

/// Items left out because they cannot be read or embedded: one policy for every kind of task.
package struct SkipLog: Sendable, Equatable {
    /// Beyond this share of a task's items the result would be of another data set.
    package static let allowedPercent = 1

    package private(set) var count = 0
    /// The first one, and why.
    package private(set) var first: String?

    package init() {}

    package mutating func note(_ what: String) {
        count += 1
        if first == nil { first = what }
    }

    package static func + (a: SkipLog, b: SkipLog) -> SkipLog {
        var sum = a
        sum.count += b.count
        sum.first = a.first ?? b.first
        return sum
    }

    /// - Parameter total: items, the skipped ones included.
    func check(task: String, total: Int) throws(EvaluationError) {
        guard let first, count * 100 > total * Self.allowedPercent else { return }
        throw .tooManySkipped(task: task, count: count, total: total, first: first)
    }
}
