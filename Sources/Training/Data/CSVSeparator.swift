/// Which byte divides the fields of a CSV. By the standard it is a comma; spreadsheets write a semicolon where the comma is the decimal sign.
enum CSVSeparator {
    static let comma = UInt8(ascii: ",")
    static let semicolon = UInt8(ascii: ";")

    /// Records, and bytes, that are looked at.
    private static let records = 20
    private static let bytes = 65_536

    /// The semicolon where it gives more of the first records as many fields as the very first, two at least, and half of them.
    static func of(_ bytes: UnsafeRawBufferPointer, from start: Int, _ lineEnd: UInt8) -> UInt8 {
        let semicolons = counts(bytes, from: start, lineEnd, semicolon)
        let (found, commas) = (alike(semicolons), alike(counts(bytes, from: start, lineEnd, comma)))
        return found > commas && 2 * found >= semicolons.count ? semicolon : comma
    }

    private static func alike(_ counts: [Int]) -> Int {
        guard let first = counts.first, first > 1 else { return 0 }
        return counts.count { $0 == first }
    }

    /// Fields of the first records, quotes read as they are everywhere.
    private static func counts(
        _ bytes: UnsafeRawBufferPointer, from start: Int, _ lineEnd: UInt8, _ separator: UInt8
    ) -> [Int] {
        let quote = UInt8(ascii: "\"")
        var counts: [Int] = []
        // A doubled quote closes and opens again.
        var (fields, fieldStarts, isQuoted, closed, isBlank) = (1, true, false, -1, true)
        func end() {
            if !isBlank { counts.append(fields) }
            (fields, fieldStarts, isBlank) = (1, true, true)
        }
        for offset in start..<max(start, min(bytes.count, Self.bytes)) where counts.count < records {
            let byte = bytes[offset]
            if isQuoted {
                if byte == quote { (isQuoted, closed) = (false, offset) }
                continue
            }
            if byte == lineEnd {
                end()
                continue
            }
            if byte == quote, fieldStarts || closed == offset - 1 { isQuoted = true }
            if byte == separator { fields += 1 }
            fieldStarts = byte == separator
            if byte != 13, byte != 32, byte != 9 { isBlank = false }
        }
        if bytes.count <= Self.bytes, counts.count < records { end() }
        return counts
    }
}
