import Glibc

/// Names are as durable as what they name once the folder that has them is synced.
package enum DurableFolder {
    /// Makes the folder where it is missing, readable by its owner alone, with the folders above it.
    package static func make(_ path: String) throws(StoreError) {
        var code = mkdir(path, 0o700) == 0 ? 0 : errno
        if code == ENOENT, parent(path) != path {
            try make(parent(path))
            // Once: file systems that let nobody make anything, such as /proc, say so of a folder whose parent is there, too.
            code = mkdir(path, 0o700) == 0 ? 0 : errno
        }
        // A process that made it may have ended before it was synced.
        guard code == 0 || code == EEXIST else {
            throw .folderUnusable(path: path, reason: String(cString: strerror(code)))
        }
        try sync(parent(path))
    }

    /// Makes durable what the folder says of names.
    package static func sync(_ path: String) throws(StoreError) {
        let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        // A folder may be one to write in and not to read.
        guard folder >= 0 || errno == EACCES else { throw .system(errno) }
        guard folder >= 0 else { return }
        defer { close(folder) }
        // Some file systems of networks know no such thing.
        guard fsync(folder) == 0 || errno == EINVAL else { throw .system(errno) }
    }

    /// What is in it.
    package static func names(_ path: String) throws(StoreError) -> [String] {
        guard let folder = opendir(path) else { throw .system(errno) }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    private static func parent(_ path: String) -> String {
        var path = Substring(path)
        while path.count > 1, path.last == "/" { path.removeLast() }
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
