/// Why two files of vectors cannot be compared, or a map not be made.
package enum ComparisonError: Error, Sendable, Equatable, CustomStringConvertible {
    case notFound(path: String)
    case unreadable(path: String, reason: String)
    /// No row of the file is a vector; `first` says what is wrong with the first one.
    case noVectors(path: String, first: String?)
    /// Fewer rows in common than anything can be said about.
    case tooFew(joined: Int, needed: Int, reference: String, candidate: String)
    case size(Int, limit: Int)
    /// A file of judgments that is none; `line` counts from 1.
    case judgments(path: String, line: Int?, reason: String)
    case map(path: String, reason: String)
    case cannotWrite(path: String, reason: String)
    /// LAPACK gave up.
    case numeric(String)

    package var description: String {
        switch self {
        case .notFound(let path): "\(path): no such file"
        case .unreadable(let path, let reason), .cannotWrite(let path, let reason): "\(path): \(reason)"
        case .noVectors(let path, let first): "\(path) holds no vector" + (first.map { "; \($0)" } ?? "")
        case .tooFew(let joined, let needed, let reference, let candidate):
            "\(reference) and \(candidate) have \(joined) usable key\(joined == 1 ? "" : "s") in common, at least \(needed) are needed"
        case .size(let size, let limit): "\(size) dimensions are outside 1...\(limit)"
        case .judgments(let path, let line, let reason): "\(path)\(line.map { " line \($0)" } ?? ""): \(reason)"
        case .map(let path, let reason): "\(path): not a usable map: \(reason)"
        case .numeric(let reason): reason
        }
    }
}
