/// Texts to ids, exactly as the library `tokenizers` of Hugging Face makes them from the same file. Immutable; many threads may encode at once.
///
/// ```swift
/// let tokenizer = try TextTokenizer(json: bytes)
/// let (ids, truncated) = try tokenizer.encode("a sleepy kitten", limit: 512)
/// ```
public final class TextTokenizer: Sendable {
    /// How a text is read.
    public struct Options: Sendable {
        /// Whether the tokens that the file puts around every text are added. The default is true.
        public var addsSpecialTokens = true
        /// Whether special tokens that stand in the text, as `[SEP]` or `<|image|>`, are these tokens. The default is true, as in the library; false
        /// takes them as any other text, so that nobody can write them.
        public var readsSpecialTokens = true

        public init() {}
    }

    /// Put before and behind every text.
    public let prefix: [Int32]
    public let suffix: [Int32]
    /// The length that the file itself asks for, which the library obeys where nothing else is said; nil where it asks for none.
    public let fileLimit: Int?
    /// One above the highest id.
    public let idCount: Int

    private let model: TokenModel
    private let normalizers: [Normalizer]
    private let preTokenizers: [PreTokenizer]
    /// Looked for in the text as it is, and in the normalised one.
    private let addedTokens: AddedTokenSet
    private let normalizedTokens: AddedTokenSet
    private let addedIDs: [String: Int32]

    /// Bytes of UTF-8 read at first for one token: longer texts are cut before they are tokenised, so that a text of 100 MB costs little
    /// more than one that fills the limit.
    private static let bytesPerToken = 8
    /// Bytes read at most for one token, where the first did not do.
    private static let mostBytesPerToken = 1_024
    private static let leastBytes = 1_024
    /// Read at most where the first bytes did not do: beyond it a run of spaces takes a pattern more steps than one may.
    private static let mostBytesReadAgain = 1 << 20
    /// Of the pieces at the end of a text that was cut, the last ones may be others in the whole text.
    private static let uncertainPieces = 2

    init(_ parts: TokenizerParts) {
        prefix = parts.prefix
        suffix = parts.suffix
        fileLimit = parts.limit
        idCount = parts.idCount
        model = parts.model
        normalizers = parts.normalizers
        preTokenizers = parts.preTokenizers
        addedTokens = parts.addedTokens
        normalizedTokens = parts.normalizedTokens
        addedIDs = parts.addedIDs
    }

    /// Of a token that was added, or of a piece of the vocabulary, by how it is written in the file.
    public func id(of token: String) -> Int32? { addedIDs[token] ?? model.id(of: Array(token.utf8)) }

    /// The ids of `text`, at most `limit` with those around it.
    ///
    /// - Parameter limit: what has no room is cut off from the end; the tokens around the text stay where they fit at all
    public func encode(
        _ text: String, limit: Int = .max, options: Options = Options()
    ) throws(TokenizerError) -> (ids: [Int32], truncated: Bool) {
        var text = text
        var caught: TokenizerError?
        var result: (ids: [Int32], truncated: Bool) = ([], false)
        text.withUTF8 { bytes in
            do throws(TokenizerError) { result = try encode(bytes, limit: max(0, limit), options) } catch {
                caught = error
            }
        }
        if let caught { throw caught }
        return result
    }

    private func encode(
        _ bytes: UnsafeBufferPointer<UInt8>, limit: Int, _ options: Options
    ) throws(TokenizerError) -> (ids: [Int32], truncated: Bool) {
        let (before, after) = options.addsSpecialTokens ? (prefix, suffix) : ([], [])
        let room = max(0, limit - before.count - after.count)
        var pass = Pass(ids: before, wanted: room.addingReportingOverflow(before.count + 1).partialValue)
        if pass.wanted <= 0 { pass.wanted = .max }
        var size = Self.size(room, Self.bytesPerToken)
        while true {
            let window = bytes.prefix(characters: size)
            pass.restart(before)
            try run(&pass, window, options)
            if window.count == bytes.count { break }
            // What could be otherwise in the whole text is not counted.
            let most = min(Self.size(room, Self.mostBytesPerToken), Self.mostBytesReadAgain)
            if pass.certain >= pass.wanted || size >= most { break }
            size = min(size * 4, most)
        }
        let found = pass.ids.count - before.count
        let isTruncated = found > room || size < bytes.count
        if found > room { pass.ids.removeLast(found - room) }
        pass.ids.append(contentsOf: after)
        if pass.ids.count > limit { pass.ids.removeLast(pass.ids.count - limit) }
        return (pass.ids, isTruncated)
    }

    private static func size(_ room: Int, _ bytesPerToken: Int) -> Int {
        let (size, overflow) = (room &+ 1).multipliedReportingOverflow(by: bytesPerToken)
        return overflow || size < 0 || room == .max ? .max : max(size, leastBytes)
    }

    /// One way through a text.
    private struct Pass {
        var ids: [Int32]
        /// So many are enough.
        var wanted: Int
        /// Where the last pieces began.
        var starts: [Int] = []
        var isEnough = false
        /// Ids that do not change with what comes behind the text.
        var certain = 0
        var scratch = TokenModel.Scratch()

        mutating func restart(_ before: [Int32]) {
            ids.removeAll(keepingCapacity: true)
            ids.append(contentsOf: before)
            starts.removeAll(keepingCapacity: true)
            isEnough = false
        }

        mutating func beginPiece(_ kept: Int) {
            if starts.count == kept { starts.removeFirst() }
            starts.append(ids.count)
        }
    }

    private func run(_ pass: inout Pass, _ text: UnsafeBufferPointer<UInt8>, _ options: Options) throws(TokenizerError)
    {
        for stretch in addedTokens.find(in: text, readsSpecial: options.readsSpecialTokens) where !pass.isEnough {
            if let id = stretch.id {
                append(id, &pass)
            } else if !stretch.range.isEmpty {
                let part = UnsafeBufferPointer(rebasing: text[stretch.range])
                try encode(part, isStart: stretch.range.lowerBound == 0, &pass, options)
            }
        }
        if pass.isEnough {
            pass.certain = pass.ids.count
        } else {
            let inLastPieces = pass.ids.count - (pass.starts.first ?? 0)
            pass.certain = pass.ids.count - min(inLastPieces, model.mostUncertainTokens)
        }
    }

    private func append(_ id: Int32, _ pass: inout Pass) {
        pass.beginPiece(Self.uncertainPieces)
        pass.ids.append(id)
        if pass.ids.count >= pass.wanted { pass.isEnough = true }
    }

    /// A stretch between added tokens.
    private func encode(
        _ part: UnsafeBufferPointer<UInt8>, isStart: Bool, _ pass: inout Pass, _ options: Options
    ) throws(TokenizerError) {
        var text = Array(part)
        var movesStart = false
        try Normalizer.apply(normalizers, to: &text, movesStart: &movesStart)
        let begins = isStart && !movesStart
        if normalizedTokens.isEmpty { return try encode(text, isStart: begins, &pass) }
        let stretches = text.withUnsafeBufferPointer {
            normalizedTokens.find(in: $0, readsSpecial: options.readsSpecialTokens)
        }
        for stretch in stretches where !pass.isEnough {
            if let id = stretch.id {
                append(id, &pass)
            } else {
                try encode(Array(text[stretch.range]), isStart: begins && stretch.range.lowerBound == 0, &pass)
            }
        }
    }

    private func encode(_ text: [UInt8], isStart: Bool, _ pass: inout Pass) throws(TokenizerError) {
        guard !text.isEmpty else { return }
        var pieces = Pieces(text: text, ranges: [0..<text.count], isStart: isStart)
        for step in preTokenizers where !pieces.ranges.isEmpty { try step.apply(&pieces) }
        var caught: TokenizerError?
        pieces.text.withUnsafeBufferPointer { bytes in
            for range in pieces.ranges {
                pass.beginPiece(Self.uncertainPieces)
                let piece = UnsafeBufferPointer(rebasing: bytes[range])
                do throws(TokenizerError) { try model.encode(piece, &pass.scratch, into: &pass.ids) } catch {
                    caught = error
                    return
                }
                if pass.ids.count >= pass.wanted {
                    pass.isEnough = range.upperBound < bytes.count || pieces.ranges.count > 1
                    return
                }
            }
        }
        if let caught { throw caught }
    }
}
