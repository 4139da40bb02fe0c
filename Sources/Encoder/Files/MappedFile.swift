import CastorNumerics
import Glibc

/// A regular file, mapped read-only for as long as the object lives.
package final class MappedFile: @unchecked Sendable {
    package let path: String
    package let bytes: UnsafeRawBufferPointer
    private let opened: stat

    package init(path: String) throws(ModelError) {
        // A pipe would be waited for.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { throw .notFound(path: path) }
            throw .unreadable(path: path, reason: String(cString: strerror(errno)))
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw .unreadable(path: path, reason: String(cString: strerror(errno)))
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .unreadable(path: path, reason: "not a regular file")
        }
        self.path = path
        opened = status
        if status.st_size == 0 {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let start = mmap(nil, Int(status.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED
        else {
            if errno == ENOMEM { throw .outOfMemory(OutOfMemory(bytes: Int(status.st_size))) }
            throw .unreadable(path: path, reason: String(cString: strerror(errno)))
        }
        bytes = UnsafeRawBufferPointer(start: start, count: Int(status.st_size))
    }

    /// Throws where the file was written to since it was opened: what is read through memory changes with it. Another file that took its name
    /// changes nothing.
    ///
    /// - Parameter strictly: also where its time was set back, or its names or rights changed
    package func checkUnchanged(strictly: Bool = false) throws(ModelError) {
        var now = stat()
        guard stat(path, &now) == 0, now.st_dev == opened.st_dev, now.st_ino == opened.st_ino else { return }
        func differ(_ a: timespec, _ b: timespec) -> Bool { a.tv_sec != b.tv_sec || a.tv_nsec != b.tv_nsec }
        guard
            now.st_size != opened.st_size || differ(now.st_mtim, opened.st_mtim)
                || strictly && differ(now.st_ctim, opened.st_ctim)
        else { return }
        throw .unreadable(path: path, reason: "was written to while it is in use: what was read of it is not one file")
    }

    /// Gives back the memory of the first `count` bytes, which are read anew from the file if they are looked at again: for files that are
    /// read once from front to back.
    package func discard(upTo count: Int) {
        guard let start = bytes.baseAddress else { return }
        let pages = count / Int(getpagesize()) * Int(getpagesize())
        if pages > 0 { madvise(UnsafeMutableRawPointer(mutating: start), pages, MADV_DONTNEED) }
    }

    /// Gives back the memory of some bytes, which are read anew from the file if they are looked at again.
    package func discard(_ range: Range<Int>) {
        guard let start = bytes.baseAddress, !range.isEmpty else { return }
        let page = Int(getpagesize())
        let first = range.lowerBound / page * page
        madvise(UnsafeMutableRawPointer(mutating: start) + first, range.upperBound - first, MADV_DONTNEED)
    }

    deinit {
        if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
    }
}
