import Encoder
import TestSupport
import Testing

/// Our own reading of SentencePiece's models beside SentencePiece's: the same ids, whatever the text, and no model that only one of them takes.
@Suite struct PieceTokenizerTests {
    private struct Pair {
        let own: Tokenizer
        let other: Tokenizer

        init(_ path: String) throws {
            own = try Tokenizer(path: path)
            other = try Tokenizer(path: path, asSentencePiece: true)
        }

        func expectSame(_ bytes: [UInt8]) throws {
            // What is no UTF-8 reaches a tokenizer where names of code are taken apart, and where a long text is cut.
            let (found, expected) = try bytes.withUnsafeBufferPointer {
                (try own.ids(ofBytes: $0), try other.ids(ofBytes: $0))
            }
            #expect(found == expected, "\(String(decoding: bytes, as: UTF8.self).debugDescription)")
        }
    }

    static let shipped = [Folders.nano, "\(Folders.weights)/castor-small"].map { "\($0)/\(Model.tokenizerName)" }

    @Test(arguments: shipped) func shippedModelsAreReadByOurOwn(path: String) throws {
        let pair = try Pair(path)
        #expect(!pair.own.isSentencePiece && pair.other.isSentencePiece)
        #expect(pair.own.pieceCount == pair.other.pieceCount && pair.own.endID == pair.other.endID)
    }

    /// Every character alone, among letters, spaces and marks.
    @Test(arguments: shipped) func everyCharacterHasTheSameIDs(path: String) throws {
        let pair = try Pair(path)
        for start in stride(from: UInt32(0), through: 0x10ffff, by: 64) {
            // Planes without characters look alike.
            if start > 0x32000, start % 0x1000 != 0, !(0xe0000..<0xe0200).contains(start) { continue }
            let scalars = (start..<start + 64).compactMap(Unicode.Scalar.init)
            let text = scalars.map { "\($0) a\($0)b \($0)\u{301}\($0)\($0)" }.joined()
            try pair.expectSame(Array(text.utf8))
        }
    }

    @Test(arguments: shipped) func generatedTextsHaveTheSameIDs(path: String) throws {
        let pair = try Pair(path)
        var dice = SeededRandom(seed: 1)
        for _ in 0..<4_000 { try pair.expectSame(HostileBytes.text(&dice)) }
    }

    /// Long ones, whose floats lose their last bits.
    @Test(arguments: shipped) func longTextsHaveTheSameIDs(path: String) throws {
        let pair = try Pair(path)
        var dice = SeededRandom(seed: 2)
        for _ in 0..<4 {
            var text: [UInt8] = []
            while text.count < 200_000 { text += HostileBytes.text(&dice) }
            try pair.expectSame(text)
        }
        for repeated in ["a", " ", "\u{301}", "猫", "\u{fdfa}", "\u{10ffff}", "\0", "the "] {
            try pair.expectSame(Array(String(repeating: repeated, count: 100_000).utf8))
        }
    }

    // MARK: - Models made up

    private static func withModel(_ model: PieceModel, _ body: (String) throws -> Void) throws {
        try Folders.withTemporary { folder in
            try Folders.write(model.bytes, "\(folder)/tokenizer.model")
            try body("\(folder)/tokenizer.model")
        }
    }

    /// Every way to treat spaces, with and without bytes for unknown characters, with and without rules.
    @Test func everyOptionIsHeeded() throws {
        var dice = SeededRandom(seed: 3)
        let rules = try PieceModel.rules(in: Folders.read(Self.shipped[0]))
        for choice in 0..<32 {
            var model = PieceModel()
            (model.addsDummyPrefix, model.removesExtraSpaces) = (choice & 1 == 0, choice & 2 == 0)
            (model.escapesSpaces, model.hasByteFallback) = (choice & 4 == 0, choice & 8 == 0)
            model.rules = choice & 16 == 0 ? rules : []
            try Self.withModel(model) { path in
                let pair = try Pair(path)
                #expect(!pair.own.isSentencePiece)
                for _ in 0..<200 { try pair.expectSame(HostileBytes.text(&dice)) }
                for text in ["", " ", "  a  b ", "\u{3000}a", "▁", "▁▁a▁", "xyzzy ж ж", "жжa", "a\nb"] {
                    try pair.expectSame(Array(text.utf8))
                }
            }
        }
    }

    @Test func whatIsNotKnownIsLeftToSentencePiece() throws {
        for change in PieceModel.unknownThings {
            var model = PieceModel()
            change(&model)
            try Self.withModel(model) { path in
                let own = try? Tokenizer(path: path)
                let other = try? Tokenizer(path: path, asSentencePiece: true)
                #expect(own?.isSentencePiece ?? true)
                #expect((own == nil) == (other == nil))
            }
        }
    }

    /// Bytes of a file that are changed: none is taken that SentencePiece refuses, and none is read differently.
    @Test func changedFilesAreReadAlike() throws {
        var dice = SeededRandom(seed: 4)
        var model = PieceModel()
        // SentencePiece looks outside of rules that are damaged.
        model.rules = []
        let bytes = model.bytes
        var ownCount = 0
        try Folders.withTemporary { folder in
            let path = "\(folder)/tokenizer.model"
            for _ in 0..<4_000 {
                var changed = bytes
                for _ in 0..<Int(dice.next() % 3) + 1 {
                    let place = Int(dice.next() % UInt64(changed.count))
                    switch dice.next() % 4 {
                    case 0: changed[place] = UInt8(truncatingIfNeeded: dice.next())
                    case 1: changed[place] ^= 1 << UInt8(dice.next() % 8)
                    case 2: changed.remove(at: place)
                    default: changed.insert(UInt8(truncatingIfNeeded: dice.next()), at: place)
                    }
                }
                try Folders.write(changed, path)
                guard let other = try? Tokenizer(path: path, asSentencePiece: true) else {
                    #expect((try? Tokenizer(path: path)) == nil)
                    continue
                }
                let pair = try Pair(path)
                #expect(pair.own.pieceCount == other.pieceCount && pair.own.endID == other.endID)
                guard !pair.own.isSentencePiece else { continue }
                ownCount += 1
                for text in ["the cat sat", " a  b\u{301} xyz ж", "abcabcabc \0 \u{ff}"] {
                    try pair.expectSame(Array(text.utf8))
                }
            }
        }
        #expect(ownCount > 100)
    }

    /// Pieces that share a hash would take the square of their number: a file whose pieces are very many opens in a moment.
    @Test func manyPiecesOpenInAMoment() throws {
        var model = PieceModel()
        model.words = (0..<200_000).map { "w\(String($0, radix: 36))" }
        try Self.withModel(model) { path in
            let clock = ContinuousClock()
            var tokenizer: Tokenizer?
            let took = try clock.measure { tokenizer = try Tokenizer(path: path) }
            #expect(tokenizer?.isSentencePiece == false && took < .seconds(5))
        }
    }
}
