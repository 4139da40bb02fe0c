import CastorNumerics
import Encoder
import FoundationEssentials
import Glibc

/// A folder under a temporary name until ``commit()``: nobody sees it in part, after a power cut neither. Dropped without commit, it leaves
/// nothing behind.
final class NewFolder {
    /// Where its files are written.
    let temporaryPath: String
    private let path: String
    private var isCommitted = false
    /// Held as long as this object lives, so that another program, in a container of its own too, sees that the folder is somebody's.
    private let lock: Int32

    /// Folders that it lies in are made, too.
    ///
    /// - Throws: where there is something at `path` already, beside an empty folder
    init(path: String) throws(ModelError) {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.path = path
        temporaryPath = "\(path).\(getpid())-\(UInt64.random(in: 0...UInt64.max)).partial"
        var status = stat()
        if lstat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFDIR, Self.isEmpty(path) else {
                throw Self.isThere(path)
            }
        }
        Self.makeParents(of: path)
        Self.removeLeftOvers(beside: path)
        guard mkdir(temporaryPath, 0o755) == 0 else { throw Self.failure(path) }
        lock = open(temporaryPath, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0 else { throw Self.failure(path) }
    }

    deinit {
        if !isCommitted { Self.remove(temporaryPath) }
        close(lock)
    }

    /// What cannot be made is said when the folder itself cannot.
    private static func makeParents(of path: String) {
        guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return }
        try? FileManager.default.createDirectory(atPath: String(path[..<slash]), withIntermediateDirectories: true)
    }

    /// Gives the folder its name. Its files are durable before.
    func commit() throws(ModelError) {
        guard syncNames(beside: "\(temporaryPath)/."), rename(temporaryPath, path) == 0 else {
            throw errno == ENOTEMPTY || errno == EEXIST ? Self.isThere(path) : Self.failure(path)
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

    /// The folder and the files in it; no folders inside, of which it has none. A link is not followed.
    private static func remove(_ path: String) {
        let folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard folder >= 0 else { return }
        for name in names("/proc/self/fd/\(folder)") { unlinkat(folder, name, 0) }
        close(folder)
        rmdir(path)
    }

    /// Of programs that were killed: `NAME.PID-NUMBER.partial`.
    private static func removeLeftOvers(beside path: String) {
        let slash = path.lastIndex(of: "/")
        let parent = slash.map { String(path[...$0]) } ?? "./"
        let name = slash.map { path[path.index(after: $0)...] } ?? path[...]
        for other in names(parent) where other.hasPrefix("\(name).") && other.hasSuffix(".partial") {
            let middle = other.dropFirst(name.count + 1).dropLast(".partial".count)
            let parts = middle.split(separator: "-", omittingEmptySubsequences: false)
            guard parts.count == 2, let process = pid_t(parts[0]), process > 0, UInt64(parts[1]) != nil,
                kill(process, 0) != 0, errno == ESRCH
            else { continue }
            let folder = open(parent + other, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            guard folder >= 0 else { continue }
            if flock(folder, LOCK_EX | LOCK_NB) == 0 { remove(parent + other) }
            close(folder)
        }
    }

    private static func isThere(_ path: String) -> ModelError {
        .unreadable(path: path, reason: "is there already; remove it or name another folder")
    }

    private static func failure(_ path: String) -> ModelError {
        .unreadable(path: path, reason: "cannot be written: \(String(cString: strerror(errno)))")
    }
}
