package import GRDB
import Glibc
import Synchronization

/// The SQLite database of a folder that one process has at a time.
///
/// A commit that was answered survives a power cut.
package final class FolderDatabase: Sendable {
    package let folder: String
    package let database: DatabasePool
    package let reserve: DiskReserve
    /// Open, and so held, until the folder is closed.
    private let lock: Mutex<Int32>

    /// Makes the folder, readable by its owner alone, where it is missing.
    ///
    /// - Parameters:
    ///   - name: of the database's file
    ///   - prepare: run while the folder is held, before the database is opened
    package init(
        folder: String, name: String, migrator: DatabaseMigrator, prepare: () throws -> Void = {}
    ) throws(StoreError) {
        self.folder = folder
        try DurableFolder.make(folder)
        let lock = Glibc.open("\(folder)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw .folderUnusable(path: folder, reason: String(cString: strerror(errno))) }
        // An init that throws here runs no deinit.
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            Glibc.close(lock)
            throw .folderInUse(path: folder)
        }
        reserve = DiskReserve(path: "\(folder)/reserve")
        do {
            try prepare()
            try Self.restrict("\(folder)/\(name)")
            var configuration = Configuration()
            configuration.busyMode = .timeout(Self.patience)
            database = try DatabasePool(path: "\(folder)/\(name)", configuration: configuration)
            // Said to the connection that writes, once it is open: what GRDB prepares a connection with it sets to NORMAL again, which syncs no
            // commit.
            try database.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA synchronous = FULL") }
            try migrator.migrate(database)
            self.lock = Mutex(lock)
        } catch {
            Glibc.close(lock)
            throw StoreError.translated(error) as? StoreError ?? .folderUnusable(path: folder, reason: "\(error)")
        }
    }

    deinit { close() }

    /// Seconds in which others, who hold a database for a moment when they open and close it, are waited for.
    package static let patience = 10.0

    /// The owner's alone, in a folder that others may read, too. SQLite gives the files beside it the database's own mode.
    private static func restrict(_ path: String) throws(StoreError) {
        let file = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .folderUnusable(path: path, reason: String(cString: strerror(errno))) }
        defer { Glibc.close(file) }
        for path in [path, "\(path)-wal", "\(path)-shm"] where chmod(path, 0o600) != 0 && errno != ENOENT {
            throw .folderUnusable(path: path, reason: String(cString: strerror(errno)))
        }
    }

    /// Lets another process have the folder. What still comes fails.
    package func close() {
        lock.withLock { lock in
            guard lock >= 0 else { return }
            // Into the one file that people copy. The pool would leave it in the log: of its connections those that only read are closed last.
            try? database.writeWithoutTransaction { db in
                // Who still reads is not waited for: the log stays then.
                try db.execute(sql: "PRAGMA busy_timeout = 0")
                _ = try db.checkpoint(.truncate)
            }
            try? database.close()
            Glibc.close(lock)
            lock = -1
        }
    }

    // MARK: - Access, which waits for the disk

    package func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
        do { return try database.read(body) } catch { throw StoreError.translated(error) }
    }

    package func write<Value>(_ body: (Database) throws -> Value) throws -> Value {
        do { return try database.write(body) } catch { throw StoreError.translated(error) }
    }

    /// A write after which less is on the disk than before. Where there is no room for it the reserve is given up, and what the log has is moved
    /// into the database.
    package func writeToFree<Value>(_ body: (Database) throws -> Value) throws -> Value {
        do { return try write(body) } catch StoreError.diskFull {
            reserve.giveUp()
            try? database.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) }
            return try write(body)
        }
    }
}

extension StoreError {
    /// What SQLite says, in words of this module; anything else as it is.
    package static func translated(_ error: any Error) -> any Error {
        guard let error = error as? DatabaseError else { return error }
        switch error.extendedResultCode {
        case .SQLITE_FULL, .SQLITE_IOERR_SHMSIZE: return StoreError.diskFull
        case let code where [.SQLITE_BUSY, .SQLITE_LOCKED].contains(code.primaryResultCode): return StoreError.busy
        case let code where [.SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_PERM].contains(code.primaryResultCode):
            return StoreError.closed(reason: error.message ?? error.resultCode.description)
        default: return StoreError.storage(reason: error.message ?? error.resultCode.description)
        }
    }
}
