import FoundationEssentials
import Glibc

/// Files by name.
enum Paths {
    /// `name` seen from `folder`.
    static func join(_ folder: String, _ name: String) -> String {
        name.hasPrefix("/") || folder == "." || folder.isEmpty
            ? name : folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
    }

    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    static func name(of path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }

    static func read(_ path: String) throws(EvaluationError) -> [UInt8] {
        let isFolder = try self.isFolder(path)
        guard !isFolder else { throw .unreadable(path: path, reason: "is a folder") }
        do {
            return [UInt8](try Data(contentsOf: URL(filePath: path)))
        } catch {
            throw .unreadable(path: path, reason: access(path, R_OK) == 0 ? "cannot be read" : "may not be read")
        }
    }

    static func isFolder(_ path: String) throws(EvaluationError) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { throw .notFound(path: path) }
            throw .unreadable(path: path, reason: String(cString: strerror(errno)))
        }
        return status.st_mode & S_IFMT == S_IFDIR
    }

    /// Names in a folder, in byte order.
    static func list(_ folder: String) throws(EvaluationError) -> [String] {
        guard try isFolder(folder) else { throw .unreadable(path: folder, reason: "is not a folder") }
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        } catch {
            throw .unreadable(path: folder, reason: "cannot be listed")
        }
    }
}
