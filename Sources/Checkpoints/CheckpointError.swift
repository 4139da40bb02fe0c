/// Why a checkpoint cannot be imported. Every case names the file and what in it is in the way.
package enum CheckpointError: Error, Sendable, Equatable, CustomStringConvertible {
    case notFound(path: String)
    case unreadable(path: String, reason: String)
    /// A field of a JSON file.
    case field(file: String, key: String, reason: String)
    case tensor(name: String, reason: String)
    /// A family, module or kind of file that this program does not know.
    case unsupported(String)

    package var description: String {
        switch self {
        case .notFound(let path): "\(path): no such file"
        case .unreadable(let path, let reason): "\(path): \(reason)"
        case .field(let file, let key, let reason): "\(file): \(key): \(reason)"
        case .tensor(let name, let reason): "tensor \(name): \(reason)"
        case .unsupported(let what): what
        }
    }
}
