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
