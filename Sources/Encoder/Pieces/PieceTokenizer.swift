/// Text to ids by the pieces of the highest sum of scores (unigram, Viterbi), bit for bit as SentencePiece 0.1.97 does it, in floats as there.
///
/// It opens in a tenth of SentencePiece's time and allocates twice a text. What it does not know, among it other kinds of models and symbols that a user
/// defined, makes it nil: SentencePiece reads those (``Tokenizer``).
final class PieceTokenizer: @unchecked Sendable {
    let pieceCount: Int
    /// Of the piece that ends a text; -1 where there is none.
    let endID: Int32
    private let normalizer: TextNormalizer
    private let table: PieceTable
    private let unknownID: Int32
    private let unknownScore: Float
    /// Of `<0x00>` to `<0xFF>`; empty where unknown characters are one unknown piece.
    private let byteIDs: [Int32]

    /// What an unknown character costs beyond the worst piece.
    private static let unknownPenalty: Float = 10

    init?(_ bytes: UnsafeRawBufferPointer) {
        guard let file = PieceModelFile(bytes), file.pieces.count < 1 << 24 else { return nil }
        var normal: [(text: Range<Int>, id: Int32, score: Float)] = []
        normal.reserveCapacity(file.pieces.count)
        var reserved: [[UInt8]: Int32] = [:]
        var unknown: Int32?
        var leastScore = Float.greatestFiniteMagnitude
        var controls: Set<Int32> = []
        for (number, piece) in file.pieces.enumerated() {
            let id = Int32(number)
            switch piece.kind {
            case .normal:
                normal.append((piece.text, id, piece.score))
                leastScore = min(leastScore, piece.score)
                continue
            // It would have to be told from one that stands twice.
            case .unused: return nil
            case .unknown:
                if unknown != nil { return nil }
                unknown = id
            case .control: controls.insert(id)
            case .byte: if !file.hasByteFallback { return nil }
            }
            guard reserved.updateValue(id, forKey: Array(bytes[piece.text])) == nil else { return nil }
        }
        guard let unknown, let table = PieceTable(bytes, normal), let normalizer = TextNormalizer(bytes, file) else {
            return nil
        }
        byteIDs = file.hasByteFallback ? Self.byteNames.compactMap { reserved[$0] } : []
        guard !file.hasByteFallback || byteIDs.count == 256,
            byteIDs.allSatisfy({ file.pieces[Int($0)].kind == .byte }),
            file.pieces.count(where: { $0.kind == .byte }) == byteIDs.count
        else { return nil }
        let end = file.endName.isEmpty ? Array("</s>".utf8) : Array(bytes[file.endName])
        guard !end.contains(0) else { return nil }
        endID = reserved[end].flatMap { controls.contains($0) ? $0 : nil } ?? -1
        pieceCount = file.pieces.count
        unknownID = unknown
        unknownScore = leastScore - Self.unknownPenalty
        self.table = table
        self.normalizer = normalizer
    }

    /// `<0x00>` to `<0xFF>`.
    private static let byteNames: [[UInt8]] = (0..<256).map { byte in
        let digits = Array("0123456789ABCDEF".utf8)
        return Array("<0x".utf8) + [digits[byte >> 4], digits[byte & 15]] + [UInt8(ascii: ">")]
    }

    /// The best way to a place in the text.
    private struct Node {
        var id: Int32
        var score: Float
        /// -1 where no way leads.
        var start: Int32
    }

    /// Writes the first `capacity` ids and says how many there are; -1 where the text is too long for that.
    func encode(_ text: UnsafeBufferPointer<UInt8>, _ ids: UnsafeMutablePointer<Int32>?, capacity: Int) -> Int {
        var normalized = ByteBuffer()
        defer { normalized.free() }
        normalizer(text, into: &normalized)
        let count = normalized.count
        guard count > 0 else { return 0 }
        guard count < Int(Int32.max) else { return -1 }
        let nodes = UnsafeMutablePointer<Node>.allocate(capacity: count + 1)
        defer { nodes.deallocate() }
        nodes.initialize(repeating: Node(id: -1, score: 0, start: -1), count: count + 1)
        fill(nodes, UnsafePointer(normalized.bytes), count)
        return write(nodes, UnsafePointer(normalized.bytes), count, ids, capacity)
    }

    private func fill(_ nodes: UnsafeMutablePointer<Node>, _ text: UnsafePointer<UInt8>, _ count: Int) {
        var start = 0
        while start < count {
            let score = nodes[start].score
            let width = min(PieceHash.width(text[start]), count &- start)
            var hasSingle = false
            table.forEach(text, from: start, to: count) { end, piece in
                // Twice as precise, as SentencePiece's expression makes it, until it is kept.
                let sum = Double(piece.score) + Double(score)
                if nodes[end].start < 0 || sum > Double(nodes[end].score) {
                    nodes[end] = Node(id: piece.id, score: Float(sum), start: Int32(truncatingIfNeeded: start))
                }
                if end &- start == width { hasSingle = true }
            }
            if !hasSingle {
                let sum = unknownScore + score
                let end = start &+ width
                if nodes[end].start < 0 || sum > nodes[end].score {
                    nodes[end] = Node(id: unknownID, score: sum, start: Int32(truncatingIfNeeded: start))
                }
            }
            start &+= width
        }
    }

    private func write(
        _ nodes: UnsafeMutablePointer<Node>, _ text: UnsafePointer<UInt8>, _ count: Int,
        _ ids: UnsafeMutablePointer<Int32>?, _ capacity: Int
    ) -> Int {
        // Links that lead back are turned to lead on: the place behind a piece, at its start.
        var end = count
        var next = Int32(-1)
        var nextID = Int32(-1)
        while true {
            let node = nodes[end]
            nodes[end] = Node(id: nextID, score: 0, start: next)
            if end == 0 { break }
            (next, nextID) = (Int32(truncatingIfNeeded: end), node.id)
            end = Int(node.start)
        }
        var written = 0
        func append(_ id: Int32) {
            if written < capacity { ids?[written] = id }
            written &+= 1
        }
        var place = 0
        var isBehindUnknown = false
        while place < count {
            let node = nodes[place]
            let isUnknown = node.id == unknownID
            if isUnknown, !byteIDs.isEmpty {
                for index in place..<Int(node.start) { append(byteIDs[Int(text[index])]) }
            } else if !(isUnknown && isBehindUnknown) {
                // Unknown characters in a row are one.
                append(node.id)
            }
            isBehindUnknown = isUnknown
            place = Int(node.start)
        }
        return written
    }
}

/// Bytes that grow, without the checks of an array.
struct ByteBuffer {
    private(set) var bytes: UnsafeMutablePointer<UInt8>
    private var capacity = 64
    var count = 0

    init() { bytes = .allocate(capacity: capacity) }

    func free() { bytes.deallocate() }

    /// - Parameter more: bytes that are likely to come
    mutating func reserve(_ more: Int) {
        if count + more > capacity { grow(to: count + more + more / 4) }
    }

    @inline(__always)
    mutating func append(_ byte: UInt8) {
        if count == capacity { grow(to: 2 * capacity) }
        bytes[count] = byte
        count &+= 1
    }

    @inline(__always)
    mutating func append(_ a: UInt8, _ b: UInt8, _ c: UInt8) {
        append(a)
        append(b)
        append(c)
    }

    private mutating func grow(to size: Int) {
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: size)
        larger.update(from: bytes, count: count)
        bytes.deallocate()
        (bytes, capacity) = (larger, size)
    }

    var last: UInt8? { count > 0 ? bytes[count - 1] : nil }

    func ends(with text: [UInt8]) -> Bool {
        count >= text.count && text.indices.allSatisfy { bytes[count - text.count + $0] == text[$0] }
    }
}
