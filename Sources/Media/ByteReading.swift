/// Bounds-checked reads from untrusted bytes: nil, never a trap, beyond the end.
extension UnsafeRawBufferPointer {
    func uint8(at offset: Int) -> UInt8? {
        offset >= 0 && offset < count ? self[offset] : nil
    }

    func bigEndian<T: FixedWidthInteger>(_ type: T.Type, at offset: Int) -> T? {
        load(type, at: offset).map { T(bigEndian: $0) }
    }

    func littleEndian<T: FixedWidthInteger>(_ type: T.Type, at offset: Int) -> T? {
        load(type, at: offset).map { T(littleEndian: $0) }
    }

    private func load<T: FixedWidthInteger>(_ type: T.Type, at offset: Int) -> T? {
        guard offset >= 0, offset <= count - MemoryLayout<T>.size else { return nil }
        return loadUnaligned(fromByteOffset: offset, as: type)
    }

    /// Whether the ASCII characters of `text` stand at `offset`.
    func has(_ text: StaticString, at offset: Int) -> Bool {
        let length = text.utf8CodeUnitCount
        guard offset >= 0, offset <= count - length else { return false }
        return self[offset..<offset + length].elementsEqual(UnsafeBufferPointer(start: text.utf8Start, count: length))
    }

    /// The bytes of `range`, cut at the end of this buffer.
    func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: self[range.clamped(to: 0..<count)])
    }
}
