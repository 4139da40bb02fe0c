import Glibc
import Synchronization

/// Some room on the disk that is given up where a deletion finds none: a database that is full cannot note what it is to forget.
package final class DiskReserve: Sendable {
    private let path: String
    private let isThere = Mutex(false)

    /// More than the database and its log need to forget a file, many times.
    private static let bytes = 4 << 20

    /// Given up until it is taken: what opens and cleans the folder may need the room.
    package init(path: String) {
        self.path = path
        unlink(path)
    }

    /// As far as the disk has room for it; without, deletions go on without.
    package func take() {
        isThere.withLock { isThere in
            guard !isThere else { return }
            let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
            guard file >= 0 else { return }
            isThere = posix_fallocate(file, 0, off_t(Self.bytes)) == 0
            close(file)
            if !isThere { unlink(path) }
        }
    }

    package func giveUp() {
        isThere.withLock { isThere in
            unlink(path)
            isThere = false
        }
    }
}
