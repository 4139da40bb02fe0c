import Encoder
import FoundationEssentials
import Testing

/// Configurations that nobody's import wrote.
@Suite struct SpecTests {
    /// As they are in the file.
    @Test func messagesNameKeysAsTheFileDoes() throws {
        let spec = ModelSpec(
            name: "a", family: "b", maxTokens: 8, outputDimensions: 4, matryoshkaDimensions: [2],
            sequence: SequenceSpec(begin: [1], end: [2]))
        let json = String(decoding: spec.json, as: UTF8.self)
        for (was, now, words) in [
            ("\"max_tokens\"", "\"most_tokens\"", "max_tokens: missing"),
            (
                "\"matryoshka_dimensions\":[2]", "\"matryoshka_dimensions\":[\"2\"]",
                "matryoshka_dimensions.0: is not a whole number"
            ),
        ] {
            let changed = json.replacing(was, with: now)
            #expect(changed != json)
            let error = #expect(throws: ModelError.self) { try ModelSpec(json: Data(changed.utf8)) }
            #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
        }
    }

    private static func spec() -> ModelSpec {
        var spec = ModelSpec(
            name: "a", family: "b", maxTokens: 8, outputDimensions: 4, sequence: SequenceSpec(begin: [1], end: [2]))
        var text = TextSpec(vocabularySize: 3, width: 4)
        text.vector = VectorSpec(.mean)
        spec.text = text
        return spec
    }

    @Test func whatIsWrittenIsRead() throws {
        #expect(try ModelSpec(json: Self.spec().json) == Self.spec())
    }

    /// An operation is an object of one key, a case without values its name: nothing of Swift's own coding.
    @Test func casesAreNamedPlainly() throws {
        var spec = Self.spec()
        var windowed = AttentionSpec(heads: 1, headSize: 4, keys: .window(before: 1, after: 2))
        windowed.position = .rotary(RotarySpec(base: 10))
        let layers = [AttentionSpec(heads: 1, headSize: 4), windowed].map { LayerSpec([BranchSpec(.attention($0))]) }
        spec.text?.stack = StackSpec(width: 4, layers: layers)
        let text = String(decoding: spec.json, as: UTF8.self)
        #expect(!text.contains("_0"))
        #expect(text.contains(#""operation":{"attention":{"#))
        #expect(text.contains(#""keys":"all""#) && text.contains(#""position":"none""#))
        #expect(text.contains(#""keys":{"window":{"after":2,"before":1}}"#))
        #expect(text.contains(#""position":{"rotary":{"axes":"sequence","base":10}}"#))
        #expect(try ModelSpec(json: spec.json) == spec)
        for (wrong, message) in [
            (#""keys":"most""#, "keys"), (#""keys":"window""#, "keys.window"), (#""keys":{"all":{}}"#, "keys"),
            (#""keys":{"window":{"before":1}}"#, "window.after"), (#""keys":{"all":1,"causal":2}"#, "keys"),
            (#""keys":7"#, "keys"),
        ] {
            let changed = Data(text.replacing(#""keys":"all""#, with: wrong).utf8)
            let error = #expect(throws: ModelError.self, "\(wrong)") { try ModelSpec(json: changed) }
            #expect(error?.description.contains(message) == true, "\(wrong): \(error?.description ?? "")")
        }
    }

    @Test(arguments: [0, -1, Int.min, 5_000_000]) func vocabulariesAreBounded(count: Int) {
        var spec = Self.spec()
        spec.text?.vocabularySize = count
        #expect {
            try ModelSpec(json: spec.json)
        } throws: { "\($0)".contains("text.vocabulary_size") }
    }

    @Test func idsAreOfTheVocabulary() {
        var spec = Self.spec()
        spec.sequence.end = [3]
        #expect {
            try ModelSpec(json: spec.json)
        } throws: { "\($0)".contains("sequence: 3 is outside 0...2") }
    }

    @Test func relativeKeysAreBoundedTogether() {
        var spec = Self.spec()
        let attention = AttentionSpec(
            heads: 64, headSize: 1_024, keys: .window(before: 4_095, after: 0), position: .relativeKeys)
        spec.text?.stack = StackSpec(width: 4, layers: [LayerSpec([BranchSpec(.attention(attention))])])
        #expect {
            try ModelSpec(json: spec.json)
        } throws: { "\($0)".contains("values of all relative keys") }
    }
}
