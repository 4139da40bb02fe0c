/// What the header of a BMP file says.
struct BMPFields {
    enum Compression {
        /// Rows of equal length, with or without masks for the colours.
        case none
        /// Runs of pixels of this many bits.
        case runs
        case other
    }

    var size: ImageSize
    var bits: Int
    var compression = Compression.none
    var hasAlpha = false
    /// As the file says it, in bytes.
    let claimedFileSize: Int
    let claimedDataOffset: Int
    var claimedDataSize = 0
    /// Where the header ends, and masks or a palette may follow.
    let headerEnd: Int
    /// Of the number of planes, which is 1 in every file.
    var planesOffset: Int { headerEnd == 26 ? 22 : 26 }
    /// Of masks and palette.
    var tableSize = 0

    /// Throws `damaged`.
    init(_ bytes: UnsafeRawBufferPointer) throws(MediaError) {
        guard let headerSize = bytes.littleEndian(UInt32.self, at: 14).map(Int.init),
            let fileSize = bytes.littleEndian(UInt32.self, at: 2),
            let dataOffset = bytes.littleEndian(UInt32.self, at: 10)
        else { throw Self.cutShort }
        claimedFileSize = Int(fileSize)
        claimedDataOffset = Int(dataOffset)
        headerEnd = 14 + headerSize
        if headerSize == 12 {
            guard let width = bytes.littleEndian(UInt16.self, at: 18),
                let height = bytes.littleEndian(Int16.self, at: 20), let bits = bytes.littleEndian(UInt16.self, at: 24)
            else { throw Self.cutShort }
            size = ImageSize(width: Int(width), height: abs(Int(height)))
            self.bits = Int(bits)
            if bits > 32 { compression = .other }
            if bits <= 8 { tableSize = 3 << Int(bits) }
            return
        }
        guard let width = bytes.littleEndian(Int32.self, at: 18), let height = bytes.littleEndian(Int32.self, at: 22),
            let bits = bytes.littleEndian(UInt16.self, at: 28)
        else { throw Self.cutShort }
        // A negative height means rows from the top. A negative width means nothing.
        guard width > 0, height != 0 else { throw Self.damaged("the size is \(width) x \(height) pixels") }
        size = ImageSize(width: Int(width), height: abs(Int(height)))
        self.bits = Int(bits)
        guard headerSize >= 40 else {
            compression = .other
            return
        }
        // Fields of a header of 40 bytes; the longer ones add masks, of which the fourth is alpha's.
        let method = bytes.littleEndian(UInt32.self, at: 30) ?? 0
        switch method {
        case 0, 3, 6: compression = bits <= 32 ? .none : .other
        case 1, 2: compression = .runs
        default: compression = .other
        }
        claimedDataSize = Int(bytes.littleEndian(UInt32.self, at: 34) ?? 0)
        let alphaMask = headerSize >= 56 ? bytes.littleEndian(UInt32.self, at: 66) ?? 0 : 0
        hasAlpha = method == 3 && bits == 32 && alphaMask != 0
        let colors = Int(bytes.littleEndian(UInt32.self, at: 46) ?? 0)
        if headerSize == 40 { tableSize = method == 3 ? 12 : method == 6 ? 16 : 0 }
        if bits <= 8 { tableSize += 4 * (1...(1 << Int(bits)) ~= colors ? colors : 1 << Int(bits)) }
    }

    static func damaged(_ reason: String) -> MediaError { .damaged(format: "bmp", reason: reason) }
    private static var cutShort: MediaError { damaged("the header is cut short") }
}

/// Where the pixels of a BMP file are, whatever its header says.
struct BMPLayout {
    var dataOffset: Int
    /// Of the rows, the last one's padding included, which the file may lack.
    var end: Int
    var oddity: String?

    /// Throws `damaged` where pixels are missing.
    init(_ fields: BMPFields, _ bytes: UnsafeRawBufferPointer) throws(MediaError) {
        dataOffset = fields.claimedDataOffset
        if dataOffset < fields.headerEnd {
            dataOffset = fields.headerEnd + fields.tableSize
            oddity = "its header does not say where the picture begins"
        }
        end = bytes.count
        let present = max(0, bytes.count - dataOffset)
        var needed = 0
        switch fields.compression {
        case .runs:
            guard let length = Self.runLength(fields, bytes.slice(dataOffset..<max(dataOffset, bytes.count))) else {
                throw BMPFields.damaged("the picture ends too early")
            }
            needed = length
        case .none:
            let rowBits = fields.size.width * fields.bits
            let row = (rowBits + 7) / 8
            let stride = (rowBits + 31) / 32 * 4
            let height = fields.size.height
            needed = stride * (height - 1) + row
            let bare = row * height
            if (bare..<needed).contains(present),
                fields.claimedDataSize == bare || fields.claimedFileSize == dataOffset + bare
            {
                // Written so. The decoder takes rows to have no padding where there is too little for it.
                needed = row * height
                end = dataOffset + needed
                oddity = oddity ?? "its rows lack their padding"
            } else {
                end = max(end, dataOffset + stride * height)
            }
            guard needed <= present else {
                throw BMPFields.damaged("the picture needs \(counted(needed, "byte")), \(are(present)) present")
            }
        case .other:
            break
        }
        if oddity == nil, bytes.littleEndian(UInt16.self, at: fields.planesOffset) != 1 {
            oddity = "its number of planes is not 1"
        }
        let file = fields.claimedFileSize
        if oddity == nil, file < dataOffset + needed || file > bytes.count {
            oddity = "its header claims \(counted(file, "byte")) in all, it has \(bytes.count)"
        }
    }

    /// Bytes of run-length data up to their end, or to that of the last row; nil where neither is there.
    private static func runLength(_ fields: BMPFields, _ data: UnsafeRawBufferPointer) -> Int? {
        var (offset, x, y) = (0, 0, 0)
        while let count = data.uint8(at: offset).map(Int.init), let value = data.uint8(at: offset + 1).map(Int.init) {
            offset += 2
            switch (count, value) {
            case (0, 0): (x, y) = (0, y + 1)
            case (0, 1): return offset
            case (0, 2):
                x += Int(data.uint8(at: offset) ?? 0)
                y += Int(data.uint8(at: offset + 1) ?? 0)
                offset += 2
            case (0, _):
                // Pixels as they are, in whole pairs of bytes.
                let length = (value * fields.bits + 7) / 8
                offset += length + length & 1
                x += value
            default: x += count
            }
            if offset > data.count { return nil }
            if y >= fields.size.height || (y == fields.size.height - 1 && x >= fields.size.width) { return offset }
        }
        return nil
    }
}
