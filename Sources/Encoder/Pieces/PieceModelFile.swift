/// What SentencePiece's `tokenizer.model` says, a message of protocol buffers, where it says nothing but what ``PieceTokenizer`` knows: pieces with scores
/// (unigram), and rules of normalisation.
///
/// Strict: whatever is unusual makes it nil, and SentencePiece itself reads the file then, or says that it is damaged.
struct PieceModelFile {
    struct Piece {
        /// Its bytes in the file.
        var text: Range<Int>
        var score: Float = 0
        var kind = Kind.normal
    }

    enum Kind: UInt64 {
        case normal = 1
        case unknown = 2
        case control = 3
        case unused = 5
        case byte = 6
    }

    private(set) var pieces: [Piece] = []
    /// A double array and texts (``Charsmap``); empty where nothing is replaced.
    private(set) var charsmap = 0..<0
    private(set) var addsDummyPrefix = true
    private(set) var removesExtraSpaces = true
    private(set) var escapesSpaces = true
    private(set) var hasByteFallback = false
    /// Of the piece that ends a text; empty for `</s>`.
    private(set) var endName = 0..<0

    init?(_ bytes: UnsafeRawBufferPointer) {
        var message = ProtocolBuffer(bytes, 0..<bytes.count)
        var (hasTrainer, hasNormalizer) = (false, false)
        pieces.reserveCapacity(bytes.count / 20)
        while let field = message.next() {
            switch (field.number, field.value) {
            case (1, .bytes(let range)):
                guard let piece = Self.piece(bytes, range) else { return nil }
                pieces.append(piece)
            case (2, .bytes(let range)):
                guard !hasTrainer, readTrainer(bytes, range) else { return nil }
                hasTrainer = true
            case (3, .bytes(let range)):
                guard !hasNormalizer, readNormalizer(bytes, range) else { return nil }
                hasNormalizer = true
            // What turns ids back into text.
            case (5, .bytes): break
            default: return nil
            }
        }
        guard message.isWhole else { return nil }
    }

    private static func piece(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Piece? {
        var piece = Piece(text: 0..<0)
        var message = ProtocolBuffer(bytes, range)
        while let field = message.next() {
            switch (field.number, field.value) {
            case (1, .bytes(let text)): piece.text = text
            case (2, .fixed32(let bits)): piece.score = Float(bitPattern: bits)
            case (3, .varint(let number)):
                guard let kind = Kind(rawValue: number) else { return nil }
                piece.kind = kind
            default: return nil
            }
        }
        return message.isWhole && !piece.text.isEmpty && piece.score.isFinite ? piece : nil
    }

    private mutating func readTrainer(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        var message = ProtocolBuffer(bytes, range)
        while let field = message.next() {
            switch (field.number, field.value) {
            // The model's kind: 1 is unigram.
            case (3, .varint(let kind)): if kind != 1 { return false }
            case (24, .varint(let isSuffix)): if isSuffix != 0 { return false }
            case (35, .varint(let falls)): hasByteFallback = falls != 0
            case (47, .bytes(let name)): endName = name
            // How it was trained.
            default: if [3, 24, 35, 47].contains(field.number) { return false }
            }
        }
        return message.isWhole
    }

    private mutating func readNormalizer(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        var message = ProtocolBuffer(bytes, range)
        while let field = message.next() {
            switch (field.number, field.value) {
            // Its name, and the table that the rules were compiled from.
            case (1, .bytes), (6, .bytes): break
            case (2, .bytes(let rules)): charsmap = rules
            case (3, .varint(let flag)): addsDummyPrefix = flag != 0
            case (4, .varint(let flag)): removesExtraSpaces = flag != 0
            case (5, .varint(let flag)): escapesSpaces = flag != 0
            default: return false
            }
        }
        return message.isWhole
    }
}

/// The fields of a message, in order.
struct ProtocolBuffer {
    enum Value {
        case varint(UInt64)
        case fixed32(UInt32)
        case fixed64
        case bytes(Range<Int>)
    }

    private let bytes: UnsafeRawBufferPointer
    private var place: Int
    private let end: Int

    /// - Parameter range: within `bytes`
    init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
        precondition(range.upperBound <= bytes.count)
        (self.bytes, place, end) = (bytes, range.lowerBound, range.upperBound)
    }

    /// Whether all of it was read.
    var isWhole: Bool { place == end }

    /// nil at the end, and from a field on that is cut short or of a kind that nobody writes any more.
    mutating func next() -> (number: UInt64, value: Value)? {
        let start = place
        guard let key = varint(), let value = value(key & 7), key >> 3 > 0 else {
            // So that what is left counts as unread.
            place = min(start, end)
            return nil
        }
        return (key >> 3, value)
    }

    private mutating func value(_ kind: UInt64) -> Value? {
        switch kind {
        case 0: return varint().map(Value.varint)
        case 1:
            guard end - place >= 8 else { return nil }
            place += 8
            return .fixed64
        case 2:
            guard let count = varint(), count <= UInt64(end - place) else { return nil }
            let range = place..<place + Int(count)
            place = range.upperBound
            return .bytes(range)
        case 5:
            guard end - place >= 4 else { return nil }
            let bits = bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self)
            place += 4
            return .fixed32(UInt32(littleEndian: bits))
        default: return nil
        }
    }

    private mutating func varint() -> UInt64? {
        var result: UInt64 = 0
        var shift: UInt64 = 0
        while place < end, shift < 64 {
            let byte = bytes[place]
            place += 1
            result |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return result }
            shift += 7
        }
        return nil
    }
}
