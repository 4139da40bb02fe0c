private import CSentencePiece

/// Text to SentencePiece ids. Immutable; many threads may encode at once.
package final class Tokenizer: @unchecked Sendable {
    private let processor: OpaquePointer
    package let pieceCount: Int
    /// Id of `</s>`, which ends every text.
    package let endID: Int32

    /// Most bytes of UTF-8 read for one token: longer texts are cut before they are tokenised, so that a text of 100 MB
    /// costs no more than one that fills the context. Trained pieces have at most 16 characters.
    private static let maxBytesPerToken = 64

    package init(path: String) throws(ModelError) {
        let file = try MappedFile(path: path)
        // SentencePiece's own message names its source lines, not what is wrong with the file.
        guard let start = file.bytes.baseAddress else { throw .tokenizer(path: path, reason: "the file is empty") }
        guard let processor = castor_sentencepiece_load(start, file.bytes.count) else {
            throw .tokenizer(path: path, reason: "it is damaged, cut short or of another kind")
        }
        self.processor = processor
        pieceCount = Int(castor_sentencepiece_piece_count(processor))
        endID = castor_sentencepiece_end_id(processor)
        guard endID >= 0, Int(endID) < pieceCount else {
            throw .tokenizer(path: path, reason: "it has no end token </s>")
        }
    }

    deinit {
        castor_sentencepiece_free(processor)
    }

    /// The ids of `text` and the end token, at most `limit` of them.
    package func encode(_ text: String, limit: Int) -> (ids: [Int32], truncated: Bool) {
        var text = text
        let all = text.utf8.count
        return text.withUTF8 { bytes in
            var size = all
            let most = limit * Self.maxBytesPerToken
            if size > most {
                size = most
                while size > 0, bytes[size] & 0xc0 == 0x80 { size -= 1 }
            }
            // Room for the end token; normalisation can make more ids than there are bytes, so the limit alone is the bound.
            var ids = [Int32](repeating: 0, count: limit + 1)
            let count = bytes.withMemoryRebound(to: CChar.self) {
                Int(castor_sentencepiece_encode(processor, $0.baseAddress, size, &ids, limit))
            }
            precondition(count >= 0, "SentencePiece refused a text")
            let complete = size == all && count < limit
            if complete { ids[count] = endID }
            ids.removeLast(ids.count - (complete ? count + 1 : min(count, limit)))
            return (ids, !complete)
        }
    }
}
