/// SentencePiece's rules of normalisation, as its models carry them: a double array (Darts) of byte sequences, and what they become.
///
/// Nothing in the array is trusted: whatever it says, no place outside it is looked at.
struct Charsmap: Sendable {
    private let units: [UInt32]
    private let texts: [UInt8]
    /// What becomes of the single characters of ASCII: where in ``texts``, or -1.
    private var ascii: [Int32] = []

    /// A rule that makes more of a few bytes is none of normalisation; Unicode has no longer one than 33 bytes.
    private static let mostBytes = 1_024

    /// - Returns: nil where it is cut short, holds no UTF-8, or a text beyond any need
    init?(_ bytes: [UInt8]) {
        guard bytes.count >= 4 else { return nil }
        let size = (0..<4).reduce(0) { $0 | Int(bytes[$1]) << (8 * $1) }
        let count = size / 4
        guard count > 0, count * 4 <= bytes.count - 4 else { return nil }
        units = bytes.withUnsafeBytes { raw in
            (0..<count).map { UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: 4 + 4 * $0, as: UInt32.self)) }
        }
        texts = Array(bytes[(4 + count * 4)...])
        do throws(UTF8.ValidationError) { _ = try UTF8Span(validating: texts.span) } catch { return nil }
        guard texts.split(separator: 0).allSatisfy({ $0.count <= Self.mostBytes }) else { return nil }
        ascii = (0..<128).map { code in
            let byte = [UInt8(code)]
            return Int32(byte.withUnsafeBufferPointer { rule($0, 0..<1) } ?? -1)
        }
    }

    /// Where the text of the shortest rule is that `key` begins with.
    private func rule(_ bytes: UnsafeBufferPointer<UInt8>, _ key: Range<Int>) -> Int? {
        var place = offset(units[0])
        for index in key {
            let byte = bytes[index]
            guard byte != 0 else { return nil }
            place ^= Int(byte)
            guard place < units.count else { return nil }
            let unit = units[place]
            guard unit & 0x8000_00ff == UInt32(byte) else { return nil }
            place ^= offset(unit)
            guard place < units.count else { return nil }
            if unit >> 8 & 1 == 1 {
                let text = Int(units[place] & 0x7fff_ffff)
                // Not into the middle of a character.
                return text <= texts.count && (text == texts.count || texts[text] & 0xc0 != 0x80) ? text : nil
            }
        }
        return nil
    }

    @inline(__always)
    private func offset(_ unit: UInt32) -> Int { Int(unit >> 10) << Int((unit & 1 << 9) >> 6) }

    private func appendText(_ start: Int, to result: inout [UInt8]) {
        var end = start
        while end < texts.count, texts[end] != 0 { end += 1 }
        result.append(contentsOf: texts[start..<end])
    }

    /// A cluster of at most 5 bytes by the shortest rule that it begins with, which takes its place as a whole; others character by character. So does
    /// the library.
    ///
    /// - Parameter most: bytes of the result, soon after which it ends
    func apply(_ text: [UInt8], most: Int) -> [UInt8] {
        text.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return [] }
            var result: [UInt8] = []
            result.reserveCapacity(bytes.count + bytes.count / 8)
            var position = 0
            while position < bytes.count, result.count <= most {
                let byte = bytes[position]
                if byte < 0x80, byte != 13, position + 1 == bytes.count || bytes[position + 1] < 0x80 {
                    let rule = ascii[Int(byte)]
                    if rule < 0 { result.append(byte) } else { appendText(Int(rule), to: &result) }
                    position += 1
                    continue
                }
                let end = GraphemeClusters.end(base, position, bytes.count)
                if end - position < 6, let rule = rule(bytes, position..<end) {
                    appendText(rule, to: &result)
                    position = end
                    continue
                }
                while position < end {
                    let start = position
                    _ = UTF8Characters.next(base, &position)
                    if let rule = rule(bytes, start..<position) {
                        appendText(rule, to: &result)
                    } else {
                        result.append(contentsOf: bytes[start..<position])
                    }
                }
            }
            return result
        }
    }
}
