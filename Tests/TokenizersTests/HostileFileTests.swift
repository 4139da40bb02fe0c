import Testing
import Tokenizers

/// Files that lie, or ask for what is not there: an error that names the field, in bounded memory.
@Suite struct HostileFileTests {
    private func refusal(_ json: [UInt8]) -> String {
        do {
            _ = try TextTokenizer(json: json)
            return "it is taken"
        } catch { return error.description }
    }

    private func refusal(_ json: String) -> String { refusal(Array(json.utf8)) }

    /// A file with this model, and nothing else but `more`.
    private func file(_ model: String, _ more: String = "") -> String {
        #"{"version": "1.0", \#(more.isEmpty ? "" : more + ", ")"model": \#(model)}"#
    }

    private static let words = #"{"type": "WordLevel", "vocab": {"a": 0, "[UNK]": 1}, "unk_token": "[UNK]"}"#

    @Test(arguments: [
        (#"{"type": "Sorcery"}"#, #"normalizer.type: "Sorcery" is not supported"#),
        (#"{"type": "NFC", "version": 2}"#, "normalizer.version: 2 is not supported"),
        (
            #"{"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Prepend"}]}"#,
            "normalizer.normalizers[1].prepend: is missing"
        ),
        (
            #"{"type": "Replace", "pattern": {"Regex": "(a"}, "content": ""}"#,
            "normalizer.pattern.Regex: end pattern with unmatched parenthesis"
        ),
        (
            #"{"type": "Replace", "pattern": {"String": ""}, "content": ""}"#,
            "normalizer.pattern.String: an empty text is not supported"
        ),
        (
            #"{"type": "Precompiled", "precompiled_charsmap": "AAAA"}"#,
            "normalizer.precompiled_charsmap: it is damaged or cut short"
        ),
        (
            #"{"type": "Precompiled", "precompiled_charsmap": "/////wAAAAA="}"#,
            "normalizer.precompiled_charsmap: it is damaged or cut short"
        ),
    ])
    func normalizersAreRefusedByName(_ normalizer: String, _ reason: String) {
        #expect(refusal(file(Self.words, #""normalizer": \#(normalizer)"#)) == reason)
    }

    @Test(arguments: [
        (#"{"type": "UnicodeScripts"}"#, #"pre_tokenizer.type: "UnicodeScripts" is not supported"#),
        (
            #"{"type": "Split", "pattern": {"String": "a"}, "behavior": "Sometimes", "invert": false}"#,
            #"pre_tokenizer.behavior: "Sometimes" is not supported"#
        ),
        (#"{"type": "Metaspace", "replacement": "__"}"#, "pre_tokenizer.replacement: must be one character, is \"__\""),
        (
            #"{"type": "Metaspace", "replacement": "_", "add_prefix_space": false}"#,
            "pre_tokenizer.add_prefix_space: is false, which is not what prepend_scheme says"
        ),
        (#"{"type": "FixedLength", "length": 0}"#, "pre_tokenizer.length: must be above 0"),
        (#"{"type": "Digits"}"#, "pre_tokenizer.individual_digits: is missing"),
        ("[1]", "pre_tokenizer: must be an object, is a list"),
    ])
    func preTokenizersAreRefusedByName(_ step: String, _ reason: String) {
        #expect(refusal(file(Self.words, #""pre_tokenizer": \#(step)"#)) == reason)
    }

    @Test(arguments: [
        (
            #"{"type": "BertProcessing", "sep": ["a"], "cls": ["b", 1]}"#,
            "post_processor.cls: must be a token and its id"
        ),
        (
            #"{"type": "BertProcessing", "sep": ["a", 2147483648], "cls": ["b", 1]}"#,
            "post_processor.sep: must be a token and its id"
        ),
        (
            #"{"type": "TemplateProcessing", "single": [{"Sequence": {"id": "B", "type_id": 0}}], "special_tokens": {}}"#,
            #"post_processor.single[0].Sequence.id: "B" is not supported"#
        ),
        (
            #"{"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 1}}], "special_tokens": {}}"#,
            "post_processor.single[0].Sequence.type_id: 1 is not supported"
        ),
        (
            #"{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x", "type_id": 0}}], "special_tokens": {}}"#,
            #"post_processor.special_tokens: lacks "x", which the template names"#
        ),
        (
            #"{"type": "Sequence", "processors": [{"type": "BertProcessing", "sep": ["a", 1], "cls": ["b", 1]}, {"type": "RobertaProcessing"}]}"#,
            "post_processor.processors[1]: a second step that adds tokens is not supported"
        ),
    ])
    func postProcessorsAreRefusedByName(_ step: String, _ reason: String) {
        let given = step.replacing(#""sep": ["a"]"#, with: #""sep": ["a", 1]"#).replacing(
            #"["b", 1]}"#, with: reason.contains(".cls") ? #"["b"]}"# : #"["b", 1]}"#)
        #expect(refusal(file(Self.words, #""post_processor": \#(given)"#)) == reason)
    }

    @Test(arguments: [
        (#"{"type": "GPT9", "vocab": {}}"#, #"model.type: "GPT9" is not supported"#),
        (#"{"type": "BPE", "vocab": {}}"#, "model.merges: is missing"),
        (
            #"{"type": "BPE", "dropout": 0.1, "vocab": {}, "merges": []}"#,
            "model.dropout: dropout is for training, and is not supported"
        ),
        (
            #"{"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": [["a", "b"]]}"#,
            #"model.merges[0]: the vocabulary lacks the piece "ab""#
        ),
        (
            #"{"type": "BPE", "vocab": {"a": 0, "ab": 1}, "merges": ["a b"]}"#,
            #"model.merges[0]: the vocabulary lacks the piece "b""#
        ),
        (
            #"{"type": "BPE", "vocab": {"a": 0}, "merges": ["a a a"]}"#,
            "model.merges[0]: must be two pieces with a space between them"
        ),
        (#"{"type": "BPE", "vocab": {"a": 0}, "merges": [["a"]]}"#, "model.merges[0]: must be two pieces"),
        (
            #"{"type": "BPE", "vocab": {"a": 2147483648}, "merges": []}"#,
            "model.vocab.a: an id must be a whole number from 0 to 2147483646"
        ),
        (
            #"{"type": "BPE", "vocab": {"a": -1}, "merges": []}"#,
            "model.vocab.a: an id must be a whole number from 0 to 2147483646"
        ),
        (
            #"{"type": "WordPiece", "vocab": {"a": 0.5}, "unk_token": "a", "continuing_subword_prefix": "", "max_input_chars_per_word": 1}"#,
            "model.vocab.a: an id must be a whole number from 0 to 2147483646"
        ),
        (
            #"{"type": "WordPiece", "vocab": {}, "unk_token": "a", "max_input_chars_per_word": 1}"#,
            "model.continuing_subword_prefix: is missing"
        ),
        (#"{"type": "Unigram", "unk_id": 1, "vocab": [["a", 0]]}"#, "model.unk_id: must be below 1, is 1"),
        (
            #"{"type": "Unigram", "unk_id": 0, "vocab": [["a", 1e999]]}"#,
            "line 1, column 77: the number is beyond what 64 bits hold"
        ),
        (#"{"type": "Unigram", "vocab": [["a"]]}"#, "model.vocab[0]: must be a piece and its score"),
        (#"{"type": "Unigram", "vocab": {"a": 1}}"#, "model.vocab: must be a list"),
    ])
    func modelsAreRefusedByName(_ model: String, _ reason: String) {
        #expect(refusal(file(model)) == reason)
    }

    @Test func filesAreRefusedByName() {
        #expect(refusal("{}") == "model: is missing")
        #expect(refusal(#"{"version": "2.0"}"#) == #"version: version "2.0" is not supported"#)
        #expect(refusal("").hasPrefix("line 1"))
        #expect(refusal(String(repeating: "[", count: 1 << 20)) == "must be an object")
        let deep = #""normalizer": "# + String(repeating: "[", count: 1 << 16)
        #expect(refusal("{" + deep) == "line 1, column 47: it is nested more than 32 deep")
        let left = #""truncation": {"direction": "Left", "max_length": 5, "strategy": "LongestFirst", "stride": 0}"#
        #expect(refusal(file(Self.words, left)) == "truncation.direction: truncation from the Left is not supported")
        let twice = #""normalizer": {"type": "Lowercase"}, "added_tokens": [{"content": "A"}, {"content": "a"}]"#
        #expect(refusal(file(Self.words, twice)).hasPrefix("added_tokens[0].content"))
        let long = #""added_tokens": [{"content": "\#(String(repeating: "a", count: 600))"}]"#
        #expect(
            refusal(file(Self.words, long))
                == "added_tokens[0]: a token of more than 512 bytes is not supported")
        let many =
            String(repeating: #"{"type": "Sequence", "normalizers": ["#, count: 20) + "1"
            + String(repeating: "]}", count: 20)
        #expect(refusal(file(Self.words, #""normalizer": \#(many)"#)).contains("nested"))
    }

    /// What the library takes is taken: gaps, and an id that two pieces have.
    @Test func idsMayHaveGaps() throws {
        let model = #"{"type": "WordLevel", "vocab": {"a": 2147483646, "b": 7, "[UNK]": 7}, "unk_token": "[UNK]"}"#
        let tokenizer = try TextTokenizer(json: Array(file(model).utf8))
        #expect(try tokenizer.encode("a").ids == [2_147_483_646] && tokenizer.encode("c").ids == [7])
        #expect(tokenizer.idCount == 2_147_483_647)
    }

    @Test func theLengthAFileAsksForIsSaid() throws {
        let truncation =
            #""truncation": {"direction": "Right", "max_length": 128, "strategy": "LongestFirst", "stride": 0}"#
        #expect(try TextTokenizer(json: Array(file(Self.words, truncation).utf8)).fileLimit == 128)
    }

    // MARK: - Texts

    private func failure(_ json: String, _ text: String) throws -> String {
        let tokenizer = try TextTokenizer(json: Array(json.utf8))
        do {
            _ = try tokenizer.encode(text)
            return "it is taken"
        } catch { return error.description }
    }

    @Test func unknownCharactersNeedAToken() throws {
        let words = #"{"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "[UNK]"}"#
        #expect(
            try failure(file(words), "b")
                == "model.unk_token: the vocabulary lacks [UNK], which a character needs that it lacks too")
        let unigram = #"{"type": "Unigram", "vocab": [["a", 0]]}"#
        #expect(
            try failure(file(unigram), "b") == "model.unk_id: there is none, and a character is not in the vocabulary")
    }

    /// Patterns that would take longer than the universe has been there.
    @Test func patternsAreBounded() throws {
        for pattern in ["(a|aa)+[^a]", "(a*)*[^a]", "(a+)+[^a]", "(?=(a+)+[^a])a"] {
            let step =
                #""pre_tokenizer": {"type": "Split", "pattern": {"Regex": "\#(pattern)"}, "behavior": "Isolated", "invert": false}"#
            #expect(
                try failure(file(Self.words, step), String(repeating: "a", count: 4_000))
                    == "pre_tokenizer.pattern.Regex: the pattern takes too many steps on this text")
        }
    }

    /// The time is that of all pieces of a text: a pattern behind a step that cuts has no more of it.
    @Test func searchesInManyPiecesHaveOneBudget() throws {
        let expression = try RegularExpression("a+", field: "pre_tokenizer")
        func search(_ pieces: Int, _ budget: inout RegularExpression.Budget) throws {
            for _ in 0..<pieces {
                try Array("aaa".utf8).withUnsafeBufferPointer { try expression.forEachMatch(in: $0, &budget) { _ in } }
            }
        }
        var none = RegularExpression.Budget(mostSeconds: -1)
        #expect(throws: TokenizerError.self) { try search(100, &none) }
        var usual = RegularExpression.Budget()
        try search(100, &usual)
    }

    /// One step makes megabytes of a letter, of a text or of an added token: it ends soon after the limit.
    @Test func oneStepThatGrowsATextIsBounded() throws {
        let content = String(repeating: "b", count: 1 << 20)
        let normalizer =
            #""normalizer": {"type": "Replace", "pattern": {"String": "a"}, "content": "\#(content)"}"#
        let text = String(repeating: "a", count: 100_000)
        #expect(try failure(file(Self.words, normalizer), text).hasPrefix("normalizer: it makes"))
        let grows =
            #"{"type": "Replace", "pattern": {"String": "a"}, "content": "\#(String(repeating: "a", count: 1_000))"}"#
        let steps = Array(repeating: grows, count: 6).joined(separator: ", ")
        let token = #""added_tokens": [{"id": 9, "content": "a", "normalized": true}]"#
        let error = #expect(throws: TokenizerError.self) {
            try TextTokenizer(
                json: Array(
                    file(Self.words, #""normalizer": {"type": "Sequence", "normalizers": [\#(steps)]}, \#(token)"#).utf8
                ))
        }
        #expect(error?.description.contains("it makes") == true, "\(error?.description ?? "")")
    }

    /// Each step doubles the text.
    @Test func stepsThatGrowATextAreBounded() throws {
        let step = #"{"type": "Replace", "pattern": {"String": "a"}, "content": "aaaaaaaa"}"#
        let steps = Array(repeating: step, count: 30).joined(separator: ", ")
        let normalizer = #""normalizer": {"type": "Sequence", "normalizers": [\#(steps)]}"#
        #expect(try failure(file(Self.words, normalizer), "aaaa").hasPrefix("normalizer: it makes"))
    }

    /// Units that point anywhere, values beyond the texts: characters stay as they are.
    @Test func doubleArraysMayLie() throws {
        var seed: UInt64 = 1
        for _ in 0..<200 {
            var bytes: [UInt8] = [0, 2, 0, 0]
            for _ in 0..<512 {
                seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                bytes.append(UInt8(truncatingIfNeeded: seed >> 56))
            }
            bytes += Array("é\0abc\0".utf8)
            let normalizer = #""normalizer": {"type": "Precompiled", "precompiled_charsmap": "\#(base64(bytes))"}"#
            let tokenizer = try TextTokenizer(json: Array(file(Self.words, normalizer).utf8))
            #expect(try tokenizer.encode("a\u{301}bc é 字 \u{1F600} zyx").ids.count == 1)
        }
    }

    private func base64(_ bytes: [UInt8]) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        var result = ""
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let value = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            for index in 0..<4 {
                result.append(index <= group.count ? digits[value >> (18 - 6 * index) & 63] : "=")
            }
        }
        return result
    }
}
