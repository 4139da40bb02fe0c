import Glibc

/// Tells when something below folders changes, by inotify. What has changed it does not tell: a walk does.
package final class FolderWatch {
    private let descriptor: Int32
    /// Folders for which the kernel has no room (`fs.inotify.max_user_watches`): of them nothing is heard.
    package private(set) var unwatched = 0

    private static let events = UInt32(
        IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF
            | IN_ONLYDIR)

    /// Throws `unusable` where the kernel gives none.
    package init() throws(SearchError) {
        descriptor = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
        guard descriptor >= 0 else {
            throw .unusable(path: "inotify", reason: String(cString: strerror(errno)))
        }
    }

    deinit { close(descriptor) }

    /// Also those that are new since the last call; one that has gone is heard no more by itself.
    package func watch(_ folders: [RawPath]) {
        unwatched = 0
        // A folder that was removed and made again is another one: asked for again, each costs a call.
        for folder in folders {
            if folder.withCString({ inotify_add_watch(descriptor, $0, Self.events) }) < 0, errno == ENOSPC {
                unwatched += 1
            }
        }
    }

    /// Waits until something has changed and then nothing for `quiet` seconds, or for `longest` seconds since the change.
    ///
    /// - Parameter isStopped: asked twice a second
    /// - Returns: false where it was stopped
    package func waitForChange(quiet: Double = 0.5, longest: Double = 10, isStopped: () -> Bool) -> Bool {
        var first: Double?
        var last = 0.0
        while !isStopped() {
            var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let wait = first == nil ? 500 : Int32(max(1, quiet * 1_000))
            if poll(&polled, 1, wait) > 0 {
                drain()
                last = Self.now
                if first == nil { first = last }
            }
            guard let first else { continue }
            if Self.now - last >= quiet || Self.now - first >= longest { return true }
        }
        return false
    }

    private func drain() {
        withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 8) { buffer in
            while read(descriptor, buffer.baseAddress, buffer.count) > 0 {}
        }
    }

    private static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
