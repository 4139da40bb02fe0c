import Checkpoints
import FoundationEssentials
import TestSupport
import Testing

/// Sound towers that are not computed here, and folders that do not belong together.
@Suite struct SoundRefusalTests {
    @Test(arguments: [
        (
            "\"attention_chunk_size\": 12", "\"attention_chunk_size\": 10",
            "attention_chunk_size: 10 beside a left context of 13"
        ),
        (
            "\"attention_context_right\": 0", "\"attention_context_right\": 1",
            "attention_context_right: 1 is not supported"
        ),
        ("\"conv_kernel_size\": 5", "\"conv_kernel_size\": 7", "has shape [24, 1, 5], [24, 1, 7] is wanted"),
        ("\"subsampling_conv_channels\": [", "\"subsampling_conv_channels\": [1,", "has 3 entries, 2 are supported"),
        ("\"output_proj_dims\": 12", "\"output_proj_dims\": 16777217", "output_proj_dims: 16777217 is outside"),
    ]) func whatIsInTheWayIsNamed(field: String, replacement: String, message: String) throws {
        try Folders.withTemporary { folder in
            let source = SoundTests.folder(SoundTests.gemma)
            for name in ["model.safetensors", "tokenizer.json"] {
                try Folders.write(try Folders.read("\(source)/\(name)"), "\(folder)/\(name)")
            }
            let text = String(decoding: try Folders.read("\(source)/config.json"), as: UTF8.self)
            #expect(text.contains(field))
            try Folders.write(Array(text.replacing(field, with: replacement).utf8), "\(folder)/config.json")
            let error = #expect(throws: CheckpointError.self) { _ = try Checkpoint(path: folder) }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "no error")")
        }
    }

    @Test(arguments: [
        ("per_bin_mean", "[0]", "per_bin_mean: is not supported"), ("dither", "0.1", "dither: 0.1 is not supported"),
        ("sampling_rate", "8000", "sample_rate: is 8000"), ("mel_floor", "0", "floor: must be a positive number"),
        ("frame_length_ms", "1e9", "frame_length_ms: 1000000000.0 is out of bounds"),
    ]) func whatTheExtractorDoesOtherwiseIsNamed(key: String, value: String, message: String) throws {
        try Folders.withTemporary { folder in
            let source = SoundTests.folder(SoundTests.gemma)
            for name in ["model.safetensors", "tokenizer.json", "config.json"] {
                try Folders.write(try Folders.read("\(source)/\(name)"), "\(folder)/\(name)")
            }
            try Folders.write(
                Array("{\"feature_extractor\": {\"\(key)\": \(value)}}".utf8), "\(folder)/processor_config.json")
            let error = #expect(throws: CheckpointError.self) { _ = try Checkpoint(path: folder) }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "no error")")
        }
    }
}
