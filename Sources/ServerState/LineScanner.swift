import Store

/// The lines of a blob from an offset on. Lines of nothing but white space do not count.
struct LineScanner {
    enum Line: Equatable {
        case text([UInt8])
        /// A line above the limit; its bytes are gone.
        case tooLong(bytes: Int)
    }

    private let blob: Blob
    private let maxLineBytes: Int
    /// Of the byte after the last line that was handed out.
    private(set) var offset: Int
    private var buffer: [UInt8] = []
    /// Where the next line starts in the buffer.
    private var start = 0
    private var isAtEnd = false

    init(_ blob: Blob, from offset: Int, maxLineBytes: Int) {
        self.blob = blob
        self.offset = offset
        self.maxLineBytes = maxLineBytes
    }

    /// nil at the end.
    mutating func next() throws(StoreError) -> Line? {
        while let line = try anyLine() {
            if case .text(let bytes) = line, bytes.allSatisfy({ [0x20, 0x09, 0x0D].contains($0) }) { continue }
            return line
        }
        return nil
    }

    private mutating func anyLine() throws(StoreError) -> Line? {
        var searched = start
        var dropped = 0
        while true {
            let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n"))
            if let end = end ?? (isAtEnd && (buffer.count > start || dropped > 0) ? buffer.count : nil) {
                let count = end - start + dropped
                let line = count > maxLineBytes ? Line.tooLong(bytes: count) : .text(Array(buffer[start..<end]))
                start = min(end + 1, buffer.count)
                offset += count + (end < buffer.count ? 1 : 0)
                return line
            }
            if isAtEnd { return nil }
            if buffer.count - start > maxLineBytes {
                dropped += buffer.count - start
                buffer.removeAll(keepingCapacity: true)
            } else {
                buffer.removeFirst(start)
            }
            start = 0
            searched = buffer.count
            let piece = try blob.read(at: offset + dropped + buffer.count, count: 1 << 18)
            isAtEnd = piece.isEmpty
            buffer += piece
        }
    }
}
