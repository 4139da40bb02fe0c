import Testing
import Tokenizers

/// Ids are those of the library `tokenizers`, for every kind of model and step.
@Suite struct ParityTests {
    private static let cut = 12

    private func expectSame(_ name: String, _ kind: String, limit: Int = .max, literal: Bool = false) throws {
        let fixture = try Fixture(name)
        let tokenizer = try fixture.tokenizer()
        var options = TextTokenizer.Options()
        options.readsSpecialTokens = !literal
        let texts = try Fixture.texts()
        let golden = fixture.golden(kind)
        try #require(texts.count == golden.count && texts.count > 100)
        for (text, wanted) in zip(texts, golden) {
            let ids = try tokenizer.encode(text, limit: limit, options: options).ids
            #expect(ids == wanted, "\(name), \(kind): \(text.debugDescription)")
        }
    }

    @Test(arguments: Fixture.names) func idsAreTheSame(_ name: String) throws { try expectSame(name, "ids") }

    @Test(arguments: Fixture.names) func specialTokensCanBeTakenAsText(_ name: String) throws {
        try expectSame(name, "literal", literal: true)
    }

    @Test(arguments: Fixture.names) func cutTextsAreTheSame(_ name: String) throws {
        try expectSame(name, "cut", limit: Self.cut)
    }

    @Test(arguments: Fixture.names) func whatIsCutIsSaidToBe(_ name: String) throws {
        let tokenizer = try Fixture(name).tokenizer()
        for text in try Fixture.texts() {
            let whole = try tokenizer.encode(text)
            #expect(!whole.truncated)
            #expect(try tokenizer.encode(text, limit: Self.cut).truncated == (whole.ids.count > Self.cut))
        }
    }

    @Test func tokensAroundATextCanBeLeftOut() throws {
        let tokenizer = try Fixture("gemma").tokenizer()
        #expect(tokenizer.prefix == [2] && tokenizer.suffix == [1])
        var options = TextTokenizer.Options()
        options.addsSpecialTokens = false
        let inner = try tokenizer.encode("a word", options: options).ids
        #expect(try tokenizer.encode("a word").ids == [2] + inner + [1])
        #expect(try tokenizer.encode("a word", limit: 3).ids == [2, inner[0], 1])
        #expect(try tokenizer.encode("a word", limit: 1).ids == [2])
        #expect(try tokenizer.encode("a word", limit: 0).ids == [])
    }

    @Test func tokensAreFoundByName() throws {
        let tokenizer = try Fixture("gemma").tokenizer()
        #expect(tokenizer.id(of: "<bos>") == 2)
        #expect(tokenizer.id(of: "<0x00>") != nil)
        #expect(tokenizer.id(of: "<nothing>") == nil)
        let image = try #require(tokenizer.id(of: "<|image|>"))
        #expect(try tokenizer.encode("<|image|>").ids == [2, image, 1])
        var options = TextTokenizer.Options()
        options.readsSpecialTokens = false
        #expect(try !tokenizer.encode("<|image|>", options: options).ids.contains(image))
    }

    @Test func manyThreadsEncodeAtOnce() async throws {
        let fixture = try Fixture("qwen")
        let tokenizer = try fixture.tokenizer()
        let texts = try Fixture.texts()
        let golden = fixture.golden("ids")
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<4 {
                group.addTask { try zip(texts, golden).allSatisfy { try tokenizer.encode($0).ids == $1 } }
            }
            for try await isSame in group { #expect(isSame) }
        }
    }
}
