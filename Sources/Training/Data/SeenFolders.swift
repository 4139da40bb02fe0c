import Glibc

/// Folders that a walk has been in, so that links to folders lead into none of them twice: a link to one above never ends, and a few that lead to
/// each other's folders end late.
struct SeenFolders {
    private struct Identity: Hashable {
        var device: UInt
        var number: UInt
    }

    private var seen = Set<Identity>()

    /// - Parameter root: where the walk begins
    init(root: String) {
        _ = isNew(root)
    }

    /// False where the walk has been in the folder under this name or another.
    mutating func isNew(_ path: String) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else { return true }
        return seen.insert(Identity(device: UInt(status.st_dev), number: UInt(status.st_ino))).inserted
    }
}
