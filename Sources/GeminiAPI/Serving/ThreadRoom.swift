import CastorNumerics
import Glibc

/// Whether the server's threads have room where the address space is bounded (`ulimit -v`).
///
/// Neither SwiftNIO nor libdispatch bears to be refused one: the first ends the process, the second asks again for ever.
enum ThreadRoom {
    /// Beside the model's: those of the scheduler (without the one that overtakes, which a bounded address space has not), of ``ServerCore`` and of ``CountingQueue``, a loop and a thread of Swift's for each core, and what libdispatch,
    /// SQLite and signals take.
    private static func threads(_ options: ServerOptions) -> Int {
        1 + options.scheduler.threadCount + 3 + 2 * BLAS.availableCores + 12
    }

    /// For all else before the first request: tables, connections, SQLite's pages.
    private static let restBytes = 32 << 20

    static func check(_ options: ServerOptions) throws(StartupFailure) {
        let bytes = threads(options) * (AddressSpace.stackBytes + 64 << 10) + restBytes
        guard !AddressSpace.hasRoomToSpare(bytes) else { return }
        throw StartupFailure(
            lacking: "no room for the server: \(threads(options)) threads and their work need "
                + "\(OutOfMemory.megabytes(bytes + AddressSpace.reserveBytes)) more\(OutOfMemory.bound)")
    }
}
