import Encoder
import FoundationEssentials
import Testing

/// Configurations that nobody's import wrote.
@Suite struct SpecTests {
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
