/// Pieces of text and their numbers and scores, found by a hash that grows character by character.
///
/// Beside the table of pieces stand two bits for each hash: whether a piece goes on behind these characters, and whether they may be one. So a text is looked up in
/// place after place without a tree, and 64,000 pieces are entered in 5 ms, which SentencePiece's double array takes a hundred for. What the bits say wrongly
/// costs time only: a piece is compared, byte by byte.
final class PieceTable: @unchecked Sendable {
    /// What is known of a piece.
    struct Entry {
        var start: UInt32
        var length: UInt32
        var id: Int32
        var score: Float
    }

    private struct Slot {
        var fingerprint: UInt32
        /// Of the entry, from 1 on; 0 where there is none.
        var number: UInt32
    }

    private let texts: UnsafeMutablePointer<UInt8>
    private let entries: UnsafeMutablePointer<Entry>
    private let slots: UnsafeMutablePointer<Slot>
    private let slotMask: Int
    private let bits: UnsafeMutablePointer<UInt64>
    private let bitMask: Int
    /// Of the longest piece.
    private let mostCharacters: Int

    /// Pieces are as many as SentencePiece takes; longer ones than this are none of language.
    private static let mostBytes = 1_024
    /// Slots looked at for one piece: a file whose pieces have one hash must not take the square of their number.
    private static let mostSteps = 64
    /// Pairs of bits for a piece, which begins with some four others' beginnings.
    private static let pairsPerPiece = 16

    /// - Parameter pieces: where in `bytes`, with number and score
    /// - Returns: nil where a piece stands twice, holds a zero byte or ends amid a character: none of a trained model does
    init?(_ bytes: UnsafeRawBufferPointer, _ pieces: [(text: Range<Int>, id: Int32, score: Float)]) {
        let count = pieces.count
        let textCount = pieces.reduce(0) { $0 + $1.text.count }
        guard count > 0, textCount < 1 << 30 else { return nil }
        let slotCount = Self.power(of: 2 * count)
        let pairCount = Self.power(of: Self.pairsPerPiece * count)
        slotMask = slotCount - 1
        bitMask = pairCount - 1
        texts = .allocate(capacity: textCount)
        entries = .allocate(capacity: count)
        slots = .allocate(capacity: slotCount)
        slots.initialize(repeating: Slot(fingerprint: 0, number: 0), count: slotCount)
        let words = max(1, pairCount / 32)
        bits = .allocate(capacity: words)
        bits.initialize(repeating: 0, count: words)

        var (start, longest) = (0, 0)
        for (number, piece) in pieces.enumerated() {
            let length = piece.text.count
            let text = texts + start
            for index in 0..<length { text[index] = bytes[piece.text.lowerBound + index] }
            entries[number] = Entry(
                start: UInt32(start), length: UInt32(length), id: piece.id, score: piece.score)
            guard let characters = Self.enter(number, text, length, entries, texts, slots, slotMask, bits, bitMask)
            else {
                mostCharacters = 0
                return nil
            }
            longest = max(longest, characters)
            start += length
        }
        mostCharacters = longest
    }

    deinit {
        texts.deallocate()
        entries.deallocate()
        slots.deallocate()
        bits.deallocate()
    }

    private static func power(of count: Int) -> Int {
        var result = 32
        while result < count { result *= 2 }
        return result
    }

    /// How many characters it has; nil where it cannot be entered.
    private static func enter(
        _ number: Int, _ text: UnsafePointer<UInt8>, _ length: Int, _ entries: UnsafePointer<Entry>,
        _ texts: UnsafePointer<UInt8>, _ slots: UnsafeMutablePointer<Slot>, _ slotMask: Int,
        _ bits: UnsafeMutablePointer<UInt64>, _ bitMask: Int
    ) -> Int? {
        guard length <= mostBytes else { return nil }
        var (hash, place, characters) = (PieceHash(), 0, 0)
        while place < length {
            let width = PieceHash.width(text[place])
            guard place + width <= length else { return nil }
            for index in place..<place + width where text[index] == 0 { return nil }
            hash.add(text + place, width)
            place += width
            characters += 1
            let pair = hash.high & bitMask
            bits[pair >> 5] |= (place < length ? 1 : 2) << UInt64(2 * (pair & 31))
        }
        var slot = hash.low & slotMask
        for _ in 0..<mostSteps {
            if slots[slot].number == 0 {
                slots[slot] = Slot(fingerprint: hash.fingerprint, number: UInt32(number + 1))
                return characters
            }
            if slots[slot].fingerprint == hash.fingerprint {
                let other = entries[Int(slots[slot].number) - 1]
                if Int(other.length) == length, equal(texts + Int(other.start), text, length) { return nil }
            }
            slot = (slot + 1) & slotMask
        }
        return nil
    }

    @inline(__always)
    private static func equal(_ a: UnsafePointer<UInt8>, _ b: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        var index = 0
        while index < count {
            if a[index] != b[index] { return false }
            index &+= 1
        }
        return true
    }

    /// The pieces that `text` begins with at `start`, the short ones first.
    @inline(__always)
    func forEach(
        _ text: UnsafePointer<UInt8>, from start: Int, to count: Int, _ body: (_ end: Int, Entry) -> Void
    ) {
        var hash = PieceHash()
        var place = start
        var characters = 0
        while place < count, characters < mostCharacters {
            let width = PieceHash.width(text[place])
            guard place &+ width <= count else { return }
            hash.add(text + place, width)
            place &+= width
            characters &+= 1
            let pair = hash.high & bitMask
            let found = bits[pair >> 5] >> UInt64(2 &* (pair & 31))
            if found & 2 != 0, let entry = entry(hash, text + start, place &- start) { body(place, entry) }
            if found & 1 == 0 { return }
        }
    }

    @inline(__always)
    private func entry(_ hash: PieceHash, _ text: UnsafePointer<UInt8>, _ length: Int) -> Entry? {
        var slot = hash.low & slotMask
        while slots[slot].number != 0 {
            if slots[slot].fingerprint == hash.fingerprint {
                let entry = entries[Int(slots[slot].number) &- 1]
                if Int(entry.length) == length, Self.equal(texts + Int(entry.start), text, length) { return entry }
            }
            slot = (slot &+ 1) & slotMask
        }
        return nil
    }
}

/// A hash of a text that grows by characters.
struct PieceHash {
    private var value: UInt64 = 0x51_7c_c1_b7_27_22_0a_95

    /// Bytes of the character that begins with `byte`, as SentencePiece counts them, whatever follows.
    @inline(__always)
    static func width(_ byte: UInt8) -> Int { byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4 }

    @inline(__always)
    mutating func add(_ text: UnsafePointer<UInt8>, _ width: Int) {
        var character = UInt64(text[0])
        var index = 1
        while index < width {
            character = character << 8 | UInt64(text[index])
            index &+= 1
        }
        value = (value ^ character) &* 0x9e37_79b9_7f4a_7c15
        value ^= value >> 29
    }

    @inline(__always) var low: Int { Int(truncatingIfNeeded: value & 0xffff_ffff) }
    @inline(__always) var high: Int { Int(truncatingIfNeeded: value >> 36) }
    @inline(__always) var fingerprint: UInt32 { UInt32(truncatingIfNeeded: value >> 32) }
}
