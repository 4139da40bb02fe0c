import CastorJSON
import Encoder
import Glibc

/// A folder in the layout of Hugging Face or sentence-transformers.
///
/// Its files are read where they are in it. A link out of the folder that the user named is refused, but for those to the files of the hub's own
/// cache (`snapshots/…` to `blobs/…`).
struct HubFolder {
    let path: String
    /// The folder that the user named, links followed.
    let root: String
    /// Of this folder in the one that the user named, with a slash at its end; empty for that itself.
    private let place: String

    static let maxJSONBytes = 16 << 20

    init(path: String) {
        self.path = path
        root = Self.followed(path) ?? path
        place = ""
    }

    private init(path: String, root: String, place: String) {
        self.path = path
        self.root = root
        self.place = place
    }

    /// Whether there is anything of that name, be it no file that can be read.
    func exists(_ name: String) -> Bool {
        var status = stat()
        return lstat("\(path)/\(name)", &status) == 0
    }

    func file(_ name: String) throws(CheckpointError) -> MappedFile {
        let whole = "\(path)/\(name)"
        if let target = Self.followed(whole), !isInside(target) {
            throw .unreadable(path: whole, reason: "is a link out of the folder, to \(target)")
        }
        do { return try MappedFile(path: whole) } catch { throw CheckpointError(error) }
    }

    private static func followed(_ path: String) -> String? {
        guard let target = realpath(path, nil) else { return nil }
        defer { free(target) }
        return String(cString: target)
    }

    private func isInside(_ target: String) -> Bool {
        if root == "/" || target.hasPrefix("\(root)/") { return true }
        guard let snapshots = "\(root)/".ranges(of: "/snapshots/").last else { return false }
        return target.hasPrefix("\(root[..<snapshots.lowerBound])/blobs/")
    }

    func json(_ name: String) throws(CheckpointError) -> JSONValue {
        let file = try file(name)
        try TensorFile.refusePointer(file)
        guard file.bytes.count <= Self.maxJSONBytes else {
            throw .unreadable(path: file.path, reason: "is larger than \(Self.maxJSONBytes >> 20) MiB")
        }
        do { return try JSONValue(json: file.bytes) } catch {
            throw .unreadable(path: file.path, reason: error.description)
        }
    }

    func object(_ name: String) throws(CheckpointError) -> HubConfiguration {
        try HubConfiguration(json(name), file: place + name)
    }

    func optionalObject(_ name: String) throws(CheckpointError) -> HubConfiguration? {
        exists(name) ? try object(name) : nil
    }

    func inside(_ name: String) -> HubFolder {
        name.isEmpty ? self : HubFolder(path: "\(path)/\(name)", root: root, place: "\(place)\(name)/")
    }
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

extension ModelError {
    init(_ error: CheckpointError) {
        switch error {
        case .notFound(let path): self = .notFound(path: path)
        case .unreadable(let path, let reason): self = .unreadable(path: path, reason: reason)
        case .field(let file, let key, let reason): self = .unreadable(path: file, reason: "\(key): \(reason)")
        case .tensor(let name, let reason): self = .tensor(name: name, reason: reason)
        case .unsupported(let what): self = .configuration(key: "(whole file)", reason: what)
        }
    }
}
