import Foundation
import Glibc
import PowerCut

/// A folder that has room for so many bytes, in this process (Tests/PowerCut).
package final class SmallDisk: Sendable {
    private let path: String

    /// Makes the folder where it is missing.
    package init(_ path: String, bytes: Int) throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let code = small_disk_begin(path, Int64(bytes))
        guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EIO) }
    }

    deinit { small_disk_end(path) }

    /// As another program does that writes to the same disk, to the last byte.
    package func fill() throws {
        let file = open("\(path)/filler", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw POSIXError(.EIO) }
        defer { close(file) }
        let bytes = [UInt8](repeating: 1, count: 1 << 16)
        while write(file, bytes, bytes.count) > 0 {}
        guard errno == ENOSPC else { throw POSIXError(.EIO) }
    }
}
