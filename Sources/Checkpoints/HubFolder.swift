import CastorJSON
import Encoder

/// A folder in the layout of Hugging Face or sentence-transformers.
struct HubFolder {
    let path: String

    static let maxJSONBytes = 16 << 20

    func exists(_ name: String) -> Bool { (try? MappedFile(path: "\(path)/\(name)")) != nil }

    func json(_ name: String) throws(CheckpointError) -> JSONValue {
        let file: MappedFile
        do { file = try MappedFile(path: "\(path)/\(name)") } catch { throw CheckpointError(error) }
        guard file.bytes.count <= Self.maxJSONBytes else {
            throw .unreadable(path: file.path, reason: "is larger than \(Self.maxJSONBytes >> 20) MiB")
        }
        do { return try JSONValue(json: file.bytes) } catch {
            throw .unreadable(path: file.path, reason: error.description)
        }
    }

    func object(_ name: String) throws(CheckpointError) -> HubConfiguration {
        try HubConfiguration(json(name), file: name)
    }

    func optionalObject(_ name: String) throws(CheckpointError) -> HubConfiguration? {
        exists(name) ? try object(name) : nil
    }

    func inside(_ name: String) -> HubFolder { HubFolder(path: name.isEmpty ? path : "\(path)/\(name)") }
}

extension CheckpointError {
    init(_ error: ModelError) {
        switch error {
        case .notFound(let path): self = .notFound(path: path)
        case .unreadable(let path, let reason): self = .unreadable(path: path, reason: reason)
        case .safeTensors(let path, let reason): self = .unreadable(path: path, reason: reason)
        case .tensor(let name, let reason): self = .tensor(name: name, reason: reason)
        case .configuration(let key, let reason):
            self = .field(file: "the imported config.json", key: key, reason: reason)
        default: self = .unsupported(error.description)
        }
    }
}
