private import CSentencePiece
import CastorNumerics

/// Text to SentencePiece ids, by code of our own where it knows the model and by SentencePiece elsewhere. Immutable; many threads may encode at once.
package final class Tokenizer: @unchecked Sendable {
    private let engine: Engine
    package let pieceCount: Int
    /// Id of `</s>`, which ends every text.
    package let endID: Int32
    /// Whether names of code are taken apart first.
    private let splitsIdentifiers: Bool

    /// Bytes of UTF-8 read at first for one token: longer texts are cut before they are tokenised, so that a text of 100 MB costs
    /// little more than one that fills the context. Trained pieces have at most 16 characters.
    private static let bytesPerToken = 64
    /// Bytes read at most for one token, where the first did not fill the context: runs of unknown characters become one token.
    private static let mostBytesPerToken = 1_024
    /// Where a text is cut, its last pieces are not those of the whole text: so many more than fit must be there.
    private static let uncertainTokens = 16

    /// - Parameters:
    ///   - splitsIdentifiers: what the model's configuration says of it
    ///   - asSentencePiece: have SentencePiece read every model, which takes longer to open: for tests, which compare
    package init(
        path: String, splitsIdentifiers: Bool = false, asSentencePiece: Bool = false
    ) throws(ModelError) {
        self.splitsIdentifiers = splitsIdentifiers
        let file = try MappedFile(path: path)
        // SentencePiece's own message names its source lines, not what is wrong with the file.
        guard let start = file.bytes.baseAddress else { throw .tokenizer(path: path, reason: "the file is empty") }
        guard AddressSpace.hasRoomToSpare(Self.memoryPerByte * file.bytes.count) else {
            throw .outOfMemory(OutOfMemory(bytes: Self.memoryPerByte * file.bytes.count))
        }
        if !asSentencePiece, let pieces = PieceTokenizer(file.bytes) {
            engine = .pieces(pieces)
            (pieceCount, endID) = (pieces.pieceCount, pieces.endID)
        } else {
            var lacksMemory = false
            guard let processor = castor_sentencepiece_load(start, file.bytes.count, &lacksMemory) else {
                if lacksMemory || !AddressSpace.hasRoomToSpare(file.bytes.count) {
                    throw .outOfMemory(OutOfMemory(bytes: file.bytes.count))
                }
                throw .tokenizer(path: path, reason: "it is damaged, cut short or of another kind")
            }
            engine = .sentencePiece(processor)
            pieceCount = Int(castor_sentencepiece_piece_count(processor))
            endID = castor_sentencepiece_end_id(processor)
        }
        guard endID >= 0, Int(endID) < pieceCount else {
            throw .tokenizer(path: path, reason: "it has no end token </s>")
        }
    }

    private enum Engine {
        case pieces(PieceTokenizer)
        case sentencePiece(OpaquePointer)
    }

    /// What tables of pieces take at most for a byte of the file.
    private static let memoryPerByte = 8

    /// Whether SentencePiece reads this model.
    package var isSentencePiece: Bool {
        if case .sentencePiece = engine { true } else { false }
    }

    deinit {
        if case .sentencePiece(let processor) = engine { castor_sentencepiece_free(processor) }
    }

    /// The ids of `text` and the end token, at most `limit` of them.
    ///
    /// Characters that the vocabulary drops, as spaces in front, count nothing, however many there are.
    ///
    /// - Parameter limit: 1 to some millions
    package func encode(_ text: String, limit: Int) throws(ModelError) -> (ids: [Int32], truncated: Bool) {
        var text = text
        let result: Result<(ids: [Int32], truncated: Bool), ModelError> = text.withUTF8 { bytes in
            do throws(ModelError) { return .success(try encode(bytes, limit: limit)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// All ids of what need not be UTF-8, without the end token.
    package func ids(ofBytes bytes: UnsafeBufferPointer<UInt8>) throws(ModelError) -> [Int32] {
        var ids = [Int32](repeating: 0, count: try count(bytes))
        _ = try count(bytes, into: &ids, limit: ids.count)
        return ids
    }

    /// Bytes that are counted together: SentencePiece holds several times as many while it works.
    private static let countedPiece = 256 << 10

    /// How many ids `encode` gives. A long text is counted piece by piece, cut at white space, where no word goes on; nothing of the pieces is
    /// held. Where a piece has no white space it is cut at any character, and may count a token more or less.
    ///
    /// - Parameter isCancelled: asked before each piece; the number means nothing then
    package func count(
        _ text: String, limit: Int, isCancelled: () -> Bool = { false }
    ) throws(ModelError) -> Int {
        var text = text
        let result: Result<Int, ModelError> = text.withUTF8 { bytes in
            do throws(ModelError) {
                // The end token.
                var count = 1
                var rest = bytes
                while !rest.isEmpty, count < limit, !isCancelled() {
                    let piece = rest.piece(utf8: Self.countedPiece)
                    count += try self.count(piece)
                    rest = UnsafeBufferPointer(rebasing: rest[piece.count...])
                }
                return .success(min(count, limit))
            } catch { return .failure(error) }
        }
        return try result.get()
    }

    private func encode(
        _ bytes: UnsafeBufferPointer<UInt8>, limit: Int
    ) throws(ModelError) -> (ids: [Int32], truncated: Bool) {
        var room = limit * Self.bytesPerToken
        if bytes.count <= room { return try ids(of: bytes, isAll: true, limit: limit).kept }
        // The common long text fills the context at once; one that does not is mostly characters that make no tokens.
        var found = try ids(of: bytes.prefix(utf8: room), isAll: false, limit: limit)
        var kept = CondensedText(bytes)
        while found.count < limit + Self.uncertainTokens, !kept.isAll, room < limit * Self.mostBytesPerToken {
            room *= 4
            try kept.read(upTo: room) { (window) throws(ModelError) in try count(window) == 0 }
            found = try kept.text.withUnsafeBufferPointer { (text) throws(ModelError) in
                try ids(of: text, isAll: kept.isAll, limit: limit)
            }
        }
        return found.kept
    }

    /// Those that are kept, and how many there are.
    ///
    /// - Parameter isAll: whether the text ends with these bytes
    private func ids(
        of text: UnsafeBufferPointer<UInt8>, isAll: Bool, limit: Int
    ) throws(ModelError) -> (kept: (ids: [Int32], truncated: Bool), count: Int) {
        // Room for the end token; normalisation can make more ids than there are bytes, so the limit alone is the bound.
        var ids = [Int32](repeating: 0, count: limit + 1)
        let count = try count(text, into: &ids, limit: limit)
        let isComplete = isAll && count < limit
        if isComplete { ids[count] = endID }
        // A copy: a short text must not hold memory for a long one.
        return ((Array(ids.prefix(isComplete ? count + 1 : min(count, limit))), !isComplete), count)
    }

    private func count(_ text: UnsafeBufferPointer<UInt8>) throws(ModelError) -> Int {
        var none: [Int32] = []
        return try count(text, into: &none, limit: 0)
    }

    /// Writes the first `limit` ids and says how many there are.
    private func count(
        _ text: UnsafeBufferPointer<UInt8>, into ids: inout [Int32], limit: Int
    ) throws(ModelError) -> Int {
        let encoded = { (text: UnsafeBufferPointer<UInt8>, ids: inout [Int32]) in
            switch self.engine {
            case .pieces(let pieces):
                ids.withUnsafeMutableBufferPointer { pieces.encode(text, $0.baseAddress, capacity: limit) }
            case .sentencePiece(let processor):
                text.withMemoryRebound(to: CChar.self) {
                    Int(castor_sentencepiece_encode(processor, $0.baseAddress, $0.count, &ids, limit))
                }
            }
        }
        let count =
            if splitsIdentifiers, let words = SplitIdentifiers.words(of: text) {
                words.withUnsafeBufferPointer { encoded($0, &ids) }
            } else {
                encoded(text, &ids)
            }
        guard count >= 0 else { throw .text(bytes: text.count) }
        return count
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// At most `count` bytes of UTF-8, to a space or the end of a line, if there is any in the second half.
    fileprivate func piece(utf8 count: Int) -> UnsafeBufferPointer<UInt8> {
        guard count < self.count else { return self }
        let spaces: [UInt8] = [0x20, 0x0a]
        var end = count
        while end > count / 2, !spaces.contains(self[end]) { end -= 1 }
        return end > count / 2 ? UnsafeBufferPointer(rebasing: self[..<end]) : prefix(utf8: count)
    }

    /// At most `count` bytes of UTF-8, whole characters.
    func prefix(utf8 count: Int) -> UnsafeBufferPointer<UInt8> {
        guard count < self.count else { return self }
        var end = count
        while end > 0, self[end] & 0xc0 == 0x80 { end -= 1 }
        return UnsafeBufferPointer(rebasing: self[..<end])
    }
}
