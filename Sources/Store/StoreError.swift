import Glibc

/// Why something cannot be kept, or is not there any more. Reasons name no path, because clients of a server may see them; a folder's is its
/// owner's.
package enum StoreError: Error, Sendable, Equatable {
    /// Another process holds the folder.
    case folderInUse(path: String)
    /// The folder cannot be made or opened.
    case folderUnusable(path: String, reason: String)
    /// The disk or the database failed.
    case storage(reason: String)
    case diskFull
    /// Others hold the database, and let go of it too late.
    case busy
    /// The folder does not let the database be opened or written as it must be.
    case closed(reason: String)
    /// Bytes that a row promises are not there, which takes a damaged disk or a foreign hand.
    case bytesLost
}

extension StoreError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .folderInUse(let path): "\(path) is in use by another castor"
        case .folderUnusable(let path, let reason): "\(path): \(reason)"
        case .storage(let reason): "the storage failed: \(reason)"
        case .diskFull: "the disk is full"
        case .busy: "another process holds the database"
        case .closed(let reason): "the database cannot be used: \(reason)"
        case .bytesLost: "bytes that were written are lost"
        }
    }
}

extension StoreError {
    package static func system(_ code: Int32) -> StoreError {
        code == ENOSPC || code == EDQUOT || code == EFBIG
            ? .diskFull : .storage(reason: String(cString: strerror(code)))
    }
}
