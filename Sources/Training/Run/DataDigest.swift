import Encoder
import Glibc
import Hashing

/// SHA-256 of training data, in the model card: the name of data that others can check with `sha256sum`, 64 lower-case
/// hexadecimal digits.
package enum DataDigest {
    /// Of everything that a data set reads. A file or folder alone as ``of(path:)``; where a JSONL names pictures and sounds, or
    /// vectors of a teacher lie beside the data, that of lines `HASH  PATH`: of the data file, then of all those files in the order
    /// of their paths, as the data name them.
    package static func of(_ set: DataSet) throws(RunError) -> String {
        let source = set.source
        let teachers = [source.queryTeacher, source.positiveTeacher].compactMap { $0 }
        let media = source.format == .jsonl ? set.mediaPaths : []
        guard !teachers.isEmpty || !media.isEmpty else { return try of(path: source.path, set.digests) }
        var files = Set(media).map { (name: $0, path: $0.hasPrefix("/") ? $0 : "\(source.folder)/\($0)") }
        files += Set(teachers).map { (name: lastComponent($0), path: $0) }
        var lines = ["\(try of(path: source.path, set.digests))  \(lastComponent(source.path))\n"]
        for entry in files.sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
            let digest = try file(entry.path, set.digests.known(entry.name))
            lines.append("\(digest)  \(entry.name)\n")
        }
        return hexadecimal(SHA256.digest(Array(lines.joined().utf8)))
    }

    private static func hexadecimal(_ digest: [UInt8]) -> String {
        digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private static func lastComponent(_ path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }

    /// Of a file; of a folder, that of the lines `HASH  PATH` of all its files in the order of their paths, as
    /// `find . -type f | sort | xargs sha256sum | sha256sum` would have it (bytes compared, paths without `./`).
    ///
    /// A folder that links lead to again is not gone through again; its names are those of the first time in the order of paths.
    package static func of(path: String) throws(RunError) -> String { try of(path: path, nil) }

    /// - Parameter known: digests of files that were read already, by their paths in the folder
    private static func of(path: String, _ known: MediaDigests?) throws(RunError) -> String {
        var status = stat()
        guard stat(path, &status) == 0 else { throw .data(.notFound(path: path)) }
        guard status.st_mode & S_IFMT == S_IFDIR else { return try file(path) }
        var hash = SHA256()
        for name in files(path).sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            let digest = try file("\(path)/\(name)", known?.known(name))
            hash.update(Array("\(digest)  \(name)\n".utf8))
        }
        return hexadecimal(hash.digest())
    }

    /// - Parameter known: its digest, where it was read already
    private static func file(_ path: String, _ known: [UInt8]? = nil) throws(RunError) -> String {
        if let known { return hexadecimal(known) }
        do {
            let file = try MappedFile(path: path)
            return withExtendedLifetime(file) {
                var hash = SHA256()
                hash.update(file.bytes)
                return hexadecimal(hash.digest())
            }
        } catch { throw .model(error) }
    }

    /// Of a folder, relative to it, without hidden ones. Each of its folders is gone through for itself, as a class is.
    private static func files(_ root: String) -> [String] {
        var (files, folders) = names(root, "")
        for folder in folders {
            var seen = SeenFolders(root: root)
            collect(root, folder, &seen, into: &files)
        }
        return files
    }

    private static func collect(_ root: String, _ folder: String, _ seen: inout SeenFolders, into files: inout [String])
    {
        guard seen.isNew("\(root)/\(folder)") else { return }
        let found = names(root, folder)
        files += found.files
        for inner in found.folders { collect(root, inner, &seen, into: &files) }
    }

    /// What is in a folder itself; folders in the order of their bytes.
    private static func names(_ root: String, _ prefix: String) -> (files: [String], folders: [String]) {
        guard let directory = opendir(prefix.isEmpty ? root : "\(root)/\(prefix)") else { return ([], []) }
        defer { closedir(directory) }
        var (files, folders): ([String], [String]) = ([], [])
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard !name.hasPrefix(".") else { continue }
            let path = prefix.isEmpty ? name : "\(prefix)/\(name)"
            var status = stat()
            guard stat("\(root)/\(path)", &status) == 0 else { continue }
            if status.st_mode & S_IFMT == S_IFDIR {
                folders.append(path)
            } else if status.st_mode & S_IFMT == S_IFREG {
                files.append(path)
            }
        }
        return (files, folders.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    }
}
