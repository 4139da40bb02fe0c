import Glibc

/// The bytes of a stored file, mapped for as long as the object lives, also when its name is removed. Nobody changes the bytes of a file
/// that is complete, so pages that are not looked at now need no memory.
package final class MappedBlob: @unchecked Sendable {
    /// Valid as long as the object lives, which a pointer does not see to.
    package let bytes: UnsafeRawBufferPointer

    /// Throws `bytesLost` where the file is shorter than that: to look at more than it has would end the process.
    package init(_ blob: Blob, count: Int) throws(StoreError) {
        guard try blob.size() >= count else { throw .bytesLost }
        guard count > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let start = blob.map(count), start != MAP_FAILED else { throw .system(errno) }
        bytes = UnsafeRawBufferPointer(start: start, count: count)
    }

    deinit {
        if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
    }
}
