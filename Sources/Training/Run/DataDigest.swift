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
        guard !teachers.isEmpty || !media.isEmpty else { return try of(path: source.path) }
        var files = Set(media).map { (name: $0, path: $0.hasPrefix("/") ? $0 : "\(source.folder)/\($0)") }
        files += Set(teachers).map { (name: lastComponent($0), path: $0) }
        var lines = ["\(try of(path: source.path))  \(lastComponent(source.path))\n"]
        for entry in files.sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
            lines.append("\(try file(entry.path))  \(entry.name)\n")
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
    package static func of(path: String) throws(RunError) -> String {
        var status = stat()
        guard stat(path, &status) == 0 else { throw .data(.notFound(path: path)) }
        guard status.st_mode & S_IFMT == S_IFDIR else { return try file(path) }
        var hash = SHA256()
        for name in files(path, "").sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            hash.update(Array("\(try file("\(path)/\(name)"))  \(name)\n".utf8))
        }
        return hexadecimal(hash.digest())
    }

    private static func file(_ path: String) throws(RunError) -> String {
        do {
            let file = try MappedFile(path: path)
            return withExtendedLifetime(file) {
                var hash = SHA256()
                hash.update(file.bytes)
                return hexadecimal(hash.digest())
            }
        } catch { throw .model(error) }
    }

    private static func files(_ root: String, _ prefix: String) -> [String] {
        guard let directory = opendir(prefix.isEmpty ? root : "\(root)/\(prefix)") else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard !name.hasPrefix(".") else { continue }
            let path = prefix.isEmpty ? name : "\(prefix)/\(name)"
            var status = stat()
            guard stat("\(root)/\(path)", &status) == 0 else { continue }
            if status.st_mode & S_IFMT == S_IFDIR {
                names += files(root, path)
            } else if status.st_mode & S_IFMT == S_IFREG {
                names.append(path)
            }
        }
        return names
    }
}
