import Checkpoints
import Encoder
import Foundation
import TestSupport
import Testing

/// What sentence-transformers' own files say, and what of it is refused rather than passed over.
@Suite struct SentenceModuleTests {
    /// A copy of the sentence model with some text of a file replaced.
    private func checkpoint(_ file: String, _ text: String, with other: String) throws -> Checkpoint {
        try Folders.withTemporary { folder in
            let copy = "\(folder)/model"
            try FileManager.default.copyItem(atPath: "\(Folders.fixtures)/sentences/model", toPath: copy)
            let path = "\(copy)/\(file)"
            let old = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
            try #require(text.isEmpty || old.contains(text), "\(file) has no \(text)")
            try Data((text.isEmpty ? other : old.replacing(text, with: other)).utf8).write(
                to: URL(fileURLWithPath: path))
            return try Checkpoint(path: copy)
        }
    }

    /// bge-small-en-v1.5 says so beside a tokenizer that does it anyway.
    @Test func smallLettersAreTheTokenizersWork() throws {
        let said = #"{"max_seq_length": 64, "do_lower_case": true}"#
        #expect(try checkpoint("sentence_bert_config.json", "", with: said).spec.maxTokens == 64)
        #expect(throws: CheckpointError.self) {
            try Folders.withTemporary { folder in
                let copy = "\(folder)/model"
                try FileManager.default.copyItem(atPath: "\(Folders.fixtures)/sentences/model", toPath: copy)
                try Data(said.utf8).write(to: URL(fileURLWithPath: "\(copy)/sentence_bert_config.json"))
                let path = "\(copy)/tokenizer.json"
                let text = try String(contentsOfFile: path, encoding: .utf8)
                try #require(text.contains("\"lowercase\":"))
                try Data(
                    text.replacing("\"lowercase\": true", with: "\"lowercase\": false")
                        .replacing("\"lowercase\":true", with: "\"lowercase\":false").utf8
                ).write(to: URL(fileURLWithPath: path))
                _ = try Checkpoint(path: copy)
            }
        }
    }

    /// What another order or a missing file would compute is not what sentence-transformers computes.
    @Test func modulesMustBeThoseThatAreComputed() throws {
        let dense = "base.modules.dense.Dense"
        let normalise = "base.modules.normalize.Normalize"
        let pooling = "sentence_transformer.modules.pooling.Pooling"
        for (text, other, message) in [
            (pooling, normalise, "between pooling and normalisation"), (dense, "base.modules.lstm.LSTM", "LSTM"),
            ("1_Pooling", "gone", "gone/config.json is missing"),
        ] {
            let error = #expect(throws: CheckpointError.self) { try checkpoint("modules.json", text, with: other) }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
        }
        let alone = #"[{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]"#
        let error = #expect(throws: CheckpointError.self) { try checkpoint("modules.json", "", with: alone) }
        #expect(error?.description.contains("names no pooling") == true)
    }

    /// Options that go before those of tokenizer.json.
    @Test func theTokenizersOwnOptionsCount() throws {
        let file = "tokenizer_config.json"
        for (fields, message) in [
            (#""truncation_side": "left""#, "truncation_side"),
            (#""tokenizer_class": "BertTokenizer", "do_lower_case": false"#, "do_lower_case"),
        ] {
            let error = #expect(throws: CheckpointError.self) { try checkpoint(file, "", with: "{\(fields)}") }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
        }
        let usual = #"{"truncation_side": "right", "tokenizer_class": "BertTokenizerFast", "do_lower_case": true}"#
        _ = try checkpoint(file, "", with: usual)
    }

    /// As `transformers` has them where the configuration does not: the last of six layers sees all, in windows of 4,096.
    @Test func whatGemmasFilesLeaveOutIsItsMakers() throws {
        try Folders.withTemporary { folder in
            let copy = "\(folder)/model"
            try FileManager.default.copyItem(atPath: "\(Folders.fixtures)/families/gemma3", toPath: copy)
            let path = URL(fileURLWithPath: "\(copy)/config.json")
            var fields = try #require(
                JSONSerialization.jsonObject(with: Data(contentsOf: path)) as? [String: Any])
            for key in ["layer_types", "sliding_window", "sliding_window_pattern", "_sliding_window_pattern"] {
                fields[key] = nil
            }
            func keys(_ more: [String: Any]) throws -> [AttentionSpec.Keys] {
                let all = fields.merging(more) { $1 }
                try JSONSerialization.data(withJSONObject: all).write(to: path)
                return try Checkpoint(path: copy).spec.text?.stack?.layers.map { layer in
                    guard case .attention(let attention) = layer.branches[0].operation else { return .causal }
                    return attention.keys
                } ?? []
            }
            let window = AttentionSpec.Keys.window(before: 2_048, after: 2_048)
            let count = try keys([:]).count
            #expect(try keys([:]) == (1...count).map { $0 % 6 == 0 ? .all : window })
            #expect(try keys(["sliding_window_pattern": 2]) == (1...count).map { $0 % 2 == 0 ? .all : window })
        }
    }

    /// In files of both ages.
    @Test func promptsThatDoNotCountAreRefused() throws {
        for mode in [#""pooling_mode": "mean""#, #""pooling_mode_mean_tokens": true"#] {
            let whole = "{\"word_embedding_dimension\": 12, \(mode)}"
            _ = try checkpoint("1_Pooling/config.json", "", with: whole)
            let without = "{\"word_embedding_dimension\": 12, \(mode), \"include_prompt\": false}"
            #expect(throws: CheckpointError.self) { try checkpoint("1_Pooling/config.json", "", with: without) }
        }
    }
}
