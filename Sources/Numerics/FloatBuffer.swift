import Glibc

/// Heap memory for f32 values, 64-byte aligned (one cache line, one AVX-512 register), zeroed, freed with the last reference.
///
/// The memory is shared and unsynchronised: whoever writes must own the rows that it writes.
package final class FloatBuffer: @unchecked Sendable {
    package let count: Int
    package let pointer: UnsafeMutablePointer<Float>

    /// - Precondition: `count >= 0` and the size in bytes fits `Int`.
    package init(count: Int) {
        precondition(count >= 0 && count <= Int.max / 8, "FloatBuffer of \(count) values")
        let bytes = max(count, 1) * MemoryLayout<Float>.stride
        let large = bytes >= 4 << 20
        // Large buffers start on a huge page: 2 MiB pages take 512 times fewer page faults while weights are loaded.
        let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: large ? 2 << 20 : 64)
        if large { madvise(raw, bytes, MADV_HUGEPAGE) }
        self.count = count
        pointer = raw.bindMemory(to: Float.self, capacity: max(count, 1))
        pointer.initialize(repeating: 0, count: max(count, 1))
    }

    deinit {
        UnsafeMutableRawPointer(pointer).deallocate()
    }
}
