import Glibc
import Synchronization

/// Memory for decoding pictures, where the address space is bounded (`ulimit -v`): arrays cannot be refused, so that decoding does not begin
/// where there is too little. Without a bound the kernel promises more than it has, and nothing is asked.
enum MemoryClaim {
    /// Left for the many small things that cannot be refused either.
    private static let reserve = 32 << 20

    /// Of all that decode at the time. What of it is in use by now is asked for twice: rather an error than an abort.
    private static let claimed = Mutex(0)

    /// Does what takes so many bytes in all. Throws `outOfMemory` where they are not there.
    static func with<Result>(
        _ bytes: Int, format: ImageFormat, _ body: () throws(MediaError) -> Result
    ) throws(MediaError) -> Result {
        let isThere = claimed.withLock { claimed in
            guard hasRoom(claimed + bytes + reserve) else { return false }
            claimed += bytes
            return true
        }
        guard isThere else { throw .outOfMemory(format: format.rawValue) }
        defer { claimed.withLock { $0 -= bytes } }
        return try body()
    }

    /// In one piece.
    private static func hasRoom(_ bytes: Int) -> Bool {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0, limit.rlim_cur < rlim_t.max else {
            return true
        }
        let place = mmap(nil, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let place, place != MAP_FAILED else { return false }
        munmap(place, bytes)
        return true
    }
}

extension ImageHeader {
    /// Bytes a pixel that decoding takes of arrays and, for HEIC and AVIF, of libraries that end a process when memory is refused.
    var bytesPerPixel: Int {
        let stored =
            switch format {
            case .heic, .avif: 24
            // Inks, and what they become.
            case .jpeg: 7
            case .png, .webp, .gif, .bmp: 4
            }
        return stored + (orientation == .upright ? 0 : 3)
    }
}
