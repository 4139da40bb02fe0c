import CastorNumerics
import Encoder
import Glibc

/// A folder under a temporary name until ``commit()``: nobody sees it in part, after a power cut neither. Dropped without commit, it leaves
/// nothing behind.
final class NewFolder {
    /// Where its files are written.
    let temporaryPath: String
    private let path: String
    private var isCommitted = false

    /// - Throws: where there is something at `path` already, beside an empty folder
    init(path: String) throws(ModelError) {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.path = path
        temporaryPath = "\(path).\(getpid()).partial"
        var status = stat()
        if lstat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFDIR, Self.isEmpty(path) else {
                throw .unreadable(path: path, reason: "is there already; remove it or name another folder")
            }
        }
        // Of a program that was killed.
        Self.remove(temporaryPath)
        guard mkdir(temporaryPath, 0o755) == 0 else { throw Self.failure(path) }
    }

    deinit {
        if !isCommitted { Self.remove(temporaryPath) }
    }

    /// Gives the folder its name. Its files are durable before.
    func commit() throws(ModelError) {
        guard syncNames(beside: "\(temporaryPath)/."), rename(temporaryPath, path) == 0 else {
            throw Self.failure(path)
        }
        isCommitted = true
        guard syncNames(beside: path) else { throw Self.failure(path) }
    }

    /// As ``commit()``, of a model that is opened before: what cannot be is no result.
    func commitModel() throws(ModelError) {
        _ = try SpecModel(path: temporaryPath, pool: WorkerPool(threads: 1))
        try commit()
    }

    private static func isEmpty(_ path: String) -> Bool { names(path).isEmpty }

    private static func names(_ path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// The folder and the files in it; no folders inside, of which it has none.
    private static func remove(_ path: String) {
        for name in names(path) { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    private static func failure(_ path: String) -> ModelError {
        .unreadable(path: path, reason: "cannot be written: \(String(cString: strerror(errno)))")
    }
}
