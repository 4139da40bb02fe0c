import CastorNumerics
import Glibc

/// A regular file, mapped read-only for as long as the object lives.
package final class MappedFile: @unchecked Sendable {
    package let path: String
    package let bytes: UnsafeRawBufferPointer

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
