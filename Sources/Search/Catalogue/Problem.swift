/// What tells, without reading it, that a file is as it was.
package struct FileVersion: Sendable, Hashable {
    package var size: Int64
    /// Nanoseconds since 1970.
    package var modified: Int64
    package var inode: Int64

    package init(size: Int64, modified: Int64, inode: Int64) {
        self.size = size
        self.modified = modified
        self.inode = inode
    }
}

/// Why a file has no items, or not all that it might.
package struct Problem: Sendable, Hashable {
    /// Counted together.
    package enum Reason: String, Sendable, CaseIterable {
        case unreadable, unrecognised, damaged, empty, tooLarge, tooLong, unsupported, changing
        case machine, folder
    }

    package var reason: Reason
    package var detail: String

    /// Between the name of a file beside a picture and what is wrong with that.
    static let besideIt = ", beside it: "

    package init(_ reason: Reason, _ detail: String) {
        self.reason = reason
        self.detail = detail
    }
}

extension Problem.Reason: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreadable: "cannot be read"
        case .unrecognised: "of no format that is read, nor text"
        case .damaged: "cannot be decoded"
        case .empty: "empty"
        case .tooLarge: "too large"
        case .tooLong: "too long"
        case .unsupported: "not for this model"
        case .changing: "changed while it was read"
        case .machine: "memory or processes were missing"
        case .folder: "folder that cannot be read"
        }
    }
}
