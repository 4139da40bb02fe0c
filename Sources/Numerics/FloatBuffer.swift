import Glibc

/// Heap memory for f32 values, 64-byte aligned (one cache line, one AVX-512 register), zeroed, freed with the last reference.
///
/// The memory is shared and unsynchronised: whoever writes must own the rows that it writes.
package final class FloatBuffer: @unchecked Sendable {
    package let count: Int
    package let pointer: UnsafeMutablePointer<Float>

    /// Ends the process with a line that says so where there is no memory.
    ///
    /// - Precondition: `count >= 0` and the size in bytes fits `Int`.
    package init(count: Int) {
        precondition(count >= 0 && count <= Int.max / 8, "FloatBuffer of \(count) values")
        guard let pointer = Self.allocate(count) else { OutOfMemory(bytes: Self.bytes(count)).endProcess() }
        self.count = count
        self.pointer = pointer
    }

    /// The same for large buffers that can be done without: the one that asks is told, and others are left some memory.
    package init(orThrow count: Int) throws(OutOfMemory) {
        precondition(count >= 0 && count <= Int.max / 8, "FloatBuffer of \(count) values")
        let bytes = Self.bytes(count)
        guard bytes < Self.large || AddressSpace.hasRoomToSpare(bytes), let pointer = Self.allocate(count) else {
            throw OutOfMemory(bytes: bytes)
        }
        self.count = count
        self.pointer = pointer
    }

    /// The same without values: whoever takes it writes before it reads. Memory that the kernel has not given yet is not touched.
    package init(unwrittenOrThrow count: Int) throws(OutOfMemory) {
        precondition(count > 0 && count <= Int.max / 8, "FloatBuffer of \(count) values")
        let bytes = Self.bytes(count)
        guard bytes < Self.large || AddressSpace.hasRoomToSpare(bytes),
            let pointer = Self.allocate(count, clears: false)
        else { throw OutOfMemory(bytes: bytes) }
        self.count = count
        self.pointer = pointer
    }

    private static let large = 4 << 20

    private static func bytes(_ count: Int) -> Int { max(count, 1) * MemoryLayout<Float>.stride }

    private static func allocate(_ count: Int, clears: Bool = true) -> UnsafeMutablePointer<Float>? {
        let bytes = bytes(count)
        let isLarge = bytes >= large
        // Large buffers start on a huge page: 2 MiB pages take 512 times fewer page faults while weights are loaded.
        var raw: UnsafeMutableRawPointer?
        guard posix_memalign(&raw, isLarge ? 2 << 20 : 64, bytes) == 0, let raw else { return nil }
        if isLarge { madvise(raw, bytes, MADV_HUGEPAGE) }
        let pointer = raw.bindMemory(to: Float.self, capacity: max(count, 1))
        if clears { pointer.initialize(repeating: 0, count: max(count, 1)) }
        return pointer
    }

    deinit {
        free(pointer)
    }
}
