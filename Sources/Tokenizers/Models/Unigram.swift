/// The pieces of the highest sum of scores (Viterbi).
struct Unigram: Sendable {
    let pieces: Trie
    let scores: [Double]
    let unknownID: Int32?
    /// Of the pieces `<0x00>` to `<0xFF>`, where unknown characters become their bytes; empty where one is missing or they do not.
    let byteIDs: [Int32]
    private let unknownScore: Double

    private static let unknownPenalty = 10.0

    init(pieces: Trie, scores: [Double], unknownID: Int32?, hasByteFallback: Bool) {
        self.pieces = pieces
        self.scores = scores
        self.unknownID = unknownID
        byteIDs = hasByteFallback ? ByteFallback.ids { pieces.value(of: $0) } : []
        unknownScore = (scores.min() ?? .infinity) - Self.unknownPenalty
    }

    /// The best way to a place in the text.
    struct Node {
        var score = 0.0
        /// -1 where no way leads.
        var start: Int32 = -1
        var id: Int32 = 0
    }

    func encode(
        _ text: UnsafeBufferPointer<UInt8>, _ nodes: inout [Node], into ids: inout [Int32]
    ) throws(TokenizerError) {
        let count = text.count
        if nodes.count <= count { nodes = [Node](repeating: Node(), count: max(count + 1, nodes.count * 2)) }
        let isWhole = nodes.withUnsafeMutableBufferPointer { fill($0, text) }
        guard isWhole else { throw .unknown(token: nil) }
        let first = ids.count
        var end = count
        while end > 0 {
            let node = nodes[end]
            var start = Int(node.start)
            if node.id == unknownID {
                // Unknown characters in a row are one.
                while start > 0, nodes[start].id == unknownID { start = Int(nodes[start].start) }
                appendUnknown(UnsafeBufferPointer(rebasing: text[start..<end]), to: &ids)
            } else {
                ids.append(node.id)
            }
            end = start
        }
        ids[first...].reverse()
    }

    private func fill(_ nodes: UnsafeMutableBufferPointer<Node>, _ text: UnsafeBufferPointer<UInt8>) -> Bool {
        let count = text.count
        for index in 0...count { nodes[index] = Node() }
        return scores.withUnsafeBufferPointer { scores in
            var start = 0
            while start < count {
                let score = nodes[start].score
                let width = Self.width(text[start])
                var hasSingle = false
                var node = Trie.root
                var end = start
                while end < count {
                    node = pieces.child(node, text[end])
                    if node == Trie.root { break }
                    end &+= 1
                    let id = pieces.value(node)
                    guard id >= 0 else { continue }
                    let candidate = scores[Int(id)] + score
                    if nodes[end].start < 0 || candidate > nodes[end].score {
                        nodes[end] = Node(score: candidate, start: Int32(truncatingIfNeeded: start), id: id)
                    }
                    if end &- start == width { hasSingle = true }
                }
                if !hasSingle {
                    let candidate = unknownScore + score
                    let end = start &+ width
                    if nodes[end].start < 0 || candidate > nodes[end].score {
                        guard let unknownID else { return false }
                        nodes[end] = Node(score: candidate, start: Int32(truncatingIfNeeded: start), id: unknownID)
                    }
                }
                start &+= width
            }
            return true
        }
    }

    @inline(__always)
    private static func width(_ byte: UInt8) -> Int { byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4 }

    /// Backwards, as everything is.
    private func appendUnknown(_ text: UnsafeBufferPointer<UInt8>, to ids: inout [Int32]) {
        if let id = pieces.value(of: text) {
            ids.append(id)
        } else if !byteIDs.isEmpty, text.allSatisfy({ byteIDs[Int($0)] >= 0 }) {
            for byte in text.reversed() { ids.append(byteIDs[Int(byte)]) }
        } else if let unknownID {
            ids.append(unknownID)
        }
    }
}

/// Pieces for single bytes: `<0x00>` to `<0xFF>`.
enum ByteFallback {
    /// -1 where there is none.
    static func ids(_ id: ([UInt8]) -> Int32?) -> [Int32] {
        (0..<256).map { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return id(Array("<0x\(digits.count == 1 ? "0" : "")\(digits)>".utf8)) ?? -1
        }
    }
}
