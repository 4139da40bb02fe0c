import Testing
import Tokenizers

/// Texts far longer than what is kept of them.
@Suite struct LongTextTests {
    /// Of those that are cut before they are read, the beginning is that of the whole text.
    @Test(arguments: Fixture.names) func theBeginningIsThatOfTheWholeText(_ name: String) throws {
        let tokenizer = try Fixture(name).tokenizer()
        let text = String(repeating: try Fixture.texts().joined(separator: " "), count: 4)
        let whole = try tokenizer.encode(text).ids
        var options = TextTokenizer.Options()
        options.addsSpecialTokens = false
        let inner = try tokenizer.encode(text, options: options).ids
        #expect(whole.count == inner.count + tokenizer.prefix.count + tokenizer.suffix.count)
        for limit in [1, 7, 64, 300, 1_000] {
            let (ids, truncated) = try tokenizer.encode(text, limit: limit, options: options)
            #expect(truncated && ids == Array(inner.prefix(limit)), "\(limit)")
        }
    }

    /// What makes no tokens is read over, up to a thousand bytes for a token.
    @Test func spacesInFrontAreReadOver() throws {
        let tokenizer = try Fixture("wordpiece").tokenizer()
        let (ids, truncated) = try tokenizer.encode(String(repeating: " ", count: 5_000) + "the", limit: 8)
        #expect(try ids == tokenizer.encode("the").ids && !truncated)
        let endless = try tokenizer.encode(String(repeating: " ", count: 1 << 20) + "the", limit: 8)
        #expect(endless.ids == tokenizer.prefix + tokenizer.suffix && endless.truncated)
    }

    /// Nor is a run that is longer than a pattern may take steps for an error.
    @Test(arguments: Fixture.names) func anyNumberOfSpacesIsTaken(_ name: String) throws {
        let tokenizer = try Fixture(name).tokenizer()
        let (ids, truncated) = try tokenizer.encode(String(repeating: " ", count: 1 << 24), limit: 8_192)
        #expect(truncated && ids.count <= 8_192)
    }

    /// Each would take hours, if time grew with the square of the length.
    @Test(arguments: Fixture.names) func runsOfOneCharacterAreLinear(_ name: String) throws {
        let tokenizer = try Fixture(name).tokenizer()
        for unit in ["a", "é", " ", "\n", "1", "字", "\u{301}\u{316}", "<s>", "</", "▁", "'s"] {
            let text = String(repeating: unit, count: 400_000 / unit.utf8.count)
            let (ids, truncated) = try tokenizer.encode(text, limit: 1 << 20)
            #expect(!truncated && !ids.isEmpty || tokenizer.prefix.isEmpty)
        }
    }
}
