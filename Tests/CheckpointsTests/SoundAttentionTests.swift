import CastorNumerics
import Checkpoints
import Encoder
import FoundationEssentials
import TestSupport
import Testing

/// What a token of a sound sees: itself and the eleven before it, in the attention alone.
@Suite struct SoundAttentionTests {
    /// A model of texts whose only branch is the attention of the sound tower's first layer, with its weights.
    private static func withAttention(
        _ pooling: VectorSpec.Pooling, _ body: (SpecModel) throws -> Void
    ) throws {
        try SoundTests.withModel { model, audio in
            guard case .attention(let attention) = audio.stack.layers[0].branches[1].operation else {
                Issue.record("the second branch is no attention")
                return
            }
            let width = audio.stack.width
            var spec = ModelSpec(
                name: "attention", family: "test", maxTokens: 64, outputDimensions: width, sequence: SequenceSpec())
            var text = TextSpec(vocabularySize: 64, width: width)
            text.stack = StackSpec(width: width, layers: [LayerSpec([BranchSpec(.attention(attention))])])
            text.vector = VectorSpec(pooling)
            spec.text = text
            var random = SeededRandom(seed: 7)
            let tensors = try spec.tensorShapes().map { name, shape in
                let values = Matrix(rows: shape.count == 2 ? shape[0] : 1, columns: shape[shape.count - 1])
                if name == "text.embedding.weight" {
                    for index in 0..<values.count { values.pointer[index] = Float.random(in: -1...1, using: &random) }
                } else {
                    try model.tensors.copy(
                        name.replacing("text.layers.0.0.", with: "audio.layers.0.1."), into: values)
                }
                return NamedTensor(name: name, shape: shape, values: values)
            }
            try Folders.withTemporary { folder in
                try SafeTensors.write(tensors, metadata: [:], as: .f32, to: "\(folder)/model.safetensors")
                try Folders.write([UInt8](spec.json), "\(folder)/config.json")
                try body(try SpecModel(path: folder, pool: WorkerPool(threads: 2)))
            }
        }
    }

    private static func row(_ ids: [Int32], _ model: SpecModel) throws -> [Float] {
        try model.encode([EncoderInput([.text(ids)])]).values
    }

    @Test func aTokenSeesElevenBefore() throws {
        try Self.withAttention(.last) { model in
            let ids = (0..<30).map { Int32($0) }
            let plain = try Self.row(ids, model)
            for place in ids.indices {
                var other = ids
                other[place] = 63
                let changed = try Self.row(other, model) != plain
                #expect(changed == (place >= 18), "token 29 and token \(place)")
            }
        }
    }

    @Test func aTokenSeesNoneBehind() throws {
        try Self.withAttention(.first) { model in
            let plain = try Self.row([3, 4, 5, 6], model)
            #expect(try Self.row([3, 9, 5, 6], model) == plain)
            #expect(try Self.row([4, 4, 5, 6], model) != plain)
        }
    }
}
