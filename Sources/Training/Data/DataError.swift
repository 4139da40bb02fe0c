/// Where a sample comes from, as a person looks for it.
package struct DataPlace: Sendable, Equatable, CustomStringConvertible {
    /// The data file, or the picture or sound itself in a folder.
    package var path: String
    /// Counts from 1; nil where a sample is a file.
    package var line: Int?

    package init(path: String, line: Int? = nil) {
        self.path = path
        self.line = line
    }

    package var description: String { line.map { "\(path):\($0)" } ?? path }
}

/// A sample that cannot be trained on, and why.
package struct BadSample: Sendable, Equatable, CustomStringConvertible {
    package var place: DataPlace
    package var reason: String
    /// Of the file that it took, where a field spans several by mistake.
    package var lines = 1

    package init(place: DataPlace, reason: String, lines: Int = 1) {
        self.place = place
        self.reason = reason
        self.lines = lines
    }

    package var description: String { "\(place): \(reason)" }
}

/// Why the data cannot be trained on.
package enum DataError: Error, Sendable, Equatable, CustomStringConvertible {
    case notFound(path: String)
    case unreadable(path: String, reason: String)
    /// The file as a whole is not what its format says.
    case format(place: DataPlace, reason: String)
    /// A file of teacher vectors that does not fit.
    case teacher(path: String, reason: String)
    /// Nothing that can be trained on.
    case empty(dataSet: String, first: BadSample?)
    /// More samples are bad than the policy tolerates.
    case tooManyBad(dataSet: String, count: Int, of: Int, limit: Int, first: BadSample)
    /// A state of another stream than the one that should continue.
    case state(reason: String)

    package var description: String {
        switch self {
        case .notFound(let path): "\(path): no such file"
        case .unreadable(let path, let reason), .teacher(let path, let reason): "\(path): \(reason)"
        case .format(let place, let reason): "\(place): \(reason)"
        case .empty(let name, let first):
            "data set \(name) has no sample to train on" + (first.map { "; the first bad one: \($0)" } ?? "")
        case .tooManyBad(let name, let count, let all, let limit, let first):
            "data set \(name): at least \(count) of \(all) samples are bad, \(limit) are tolerated (badShare); the first: \(first)"
        case .state(let reason): "the data cannot continue where they stopped: \(reason)"
        }
    }
}
