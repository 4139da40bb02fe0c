import CastorNumerics
import Encoder
import FoundationEssentials
import Glibc
import TestSupport
import Testing

@Suite struct ModelTests {
    private static let pool = WorkerPool(threads: 1)

    private func open(_ path: String) throws(ModelError) -> Model {
        try Model(path: path, pool: Self.pool)
    }

    @Test func theFixtureOpens() throws {
        let model = try open(Folders.nano)
        #expect(model.state == "untrained")
        #expect(model.tokenizer.pieceCount == 1_000)
    }

    @Test(arguments: [Model.configurationName, Model.weightsName, Model.tokenizerName])
    func aMissingFileIsNamed(name: String) throws {
        try Folders.withNanoCopy { folder in
            try Folders.write([], "\(folder)/\(name)")
            #expect(throws: ModelError.self) { try open(folder) }
            try removeFile("\(folder)/\(name)")
            #expect(throws: ModelError.notFound(path: "\(folder)/\(name)")) { try open(folder) }
        }
    }

    @Test func aDamagedTokenizerIsRefused() throws {
        try Folders.withNanoCopy { folder in
            let path = "\(folder)/\(Model.tokenizerName)"
            let bytes = try Folders.read(path)
            for damaged in [Array(bytes.prefix(100)), Array("not a model".utf8), [UInt8](repeating: 255, count: 1000)] {
                try Folders.write(damaged, path)
                #expect(throws: ModelError.tokenizer(path: path, reason: "it is damaged, cut short or of another kind"))
                {
                    try open(folder)
                }
            }
        }
    }

    @Test func everyTensorMustBeThereInItsShape() throws {
        let configuration = try Model.configuration(path: Folders.nano)
        let tensors = Initialization.tensors(configuration, seed: 1)
        try Folders.withNanoCopy { folder in
            for (index, tensor) in tensors.enumerated() {
                let path = "\(folder)/\(Model.weightsName)"
                var others = tensors
                others.remove(at: index)
                try SafeTensors.write(others, metadata: [:], as: .f16, to: path)
                #expect(throws: ModelError.tensor(name: tensor.name, reason: "missing")) { try open(folder) }
                others.append(NamedTensor(name: tensor.name, shape: [tensor.values.count, 1], values: tensor.values))
                try SafeTensors.write(others, metadata: [:], as: .f16, to: path)
                #expect(throws: ModelError.self) { try open(folder) }
            }
        }
    }

    /// A NaN or infinity anywhere is an error that names the tensor, in both number formats.
    @Test(arguments: [ScalarType.f16, .f32]) func badWeightsAreNamed(type: ScalarType) throws {
        let configuration = try Model.configuration(path: Folders.nano)
        try Folders.withNanoCopy { folder in
            for name in [
                "text.blocks.0.attention.qkv.weight", "image.patch_embedding.bias", "audio.norm.weight",
                "unified.modality_embedding.weight", "projection.weight",
            ] {
                let tensors = Initialization.tensors(configuration, seed: 1)
                let tensor = tensors.first { $0.name == name }!
                tensor.values.pointer[tensor.values.count / 2] = name.hasPrefix("audio") ? .infinity : .nan
                try SafeTensors.write(tensors, metadata: [:], as: type, to: "\(folder)/\(Model.weightsName)")
                let encoder = MultimodalEncoder(model: try open(folder), pool: Self.pool)
                #expect(throws: ModelError.tensor(name: name, reason: "holds a value that is not finite")) {
                    try encoder.load([.text, .image, .audio])
                }
            }
        }
    }

    @Test func aBadTokenEmbeddingIsFoundWhenItsTokenComes() throws {
        let configuration = try Model.configuration(path: Folders.nano)
        try Folders.withNanoCopy { folder in
            let tensors = Initialization.tensors(configuration, seed: 1)
            tensors.first { $0.name == "text.embedding.weight" }!.values.row(500)[3] = .nan
            try SafeTensors.write(tensors, metadata: [:], as: .f16, to: "\(folder)/\(Model.weightsName)")
            let encoder = MultimodalEncoder(model: try open(folder), pool: Self.pool)
            _ = try encoder.encode([EncoderInput([.text([499, 501, 2])])])
            #expect(throws: ModelError.self) { try encoder.encode([EncoderInput([.text([499, 500, 2])])]) }
        }
    }

    @Test func contentsWithoutTokensAndIdsOfAnotherVocabularyAreErrors() throws {
        let encoder = MultimodalEncoder(model: try open(Folders.nano), pool: Self.pool)
        #expect(throws: ModelError.noTokens) {
            try encoder.encode([EncoderInput([.text([5, 2])]), EncoderInput([.text([])])])
        }
        #expect(throws: ModelError.noTokens) { try encoder.encode([EncoderInput([])]) }
        for id in [Int32(1_000), -1, .max] {
            #expect(throws: ModelError.self) { try encoder.encode([EncoderInput([.text([5, id, 2])])]) }
        }
    }

    /// A file with the right names and other contents.
    @Test func tensorsThatCannotBeCopiedAreErrors() throws {
        try Folders.withTemporary { folder in
            let header = #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#
            let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
            try Folders.write(length + Array(header.utf8) + [1, 2, 3, 4], "\(folder)/t.safetensors")
            let file = try SafeTensors(path: "\(folder)/t.safetensors")
            for (name, count) in [("a", 4), ("a", 3), ("b", 4)] {
                #expect(throws: ModelError.self) { try file.copy(name, into: Matrix(rows: 1, columns: count)) }
            }
        }
    }

    @Test func hugeFiniteWeightsGiveAnErrorRatherThanAVector() throws {
        let configuration = try Model.configuration(path: Folders.nano)
        try Folders.withNanoCopy { folder in
            let tensors = Initialization.tensors(configuration, seed: 1)
            let projection = tensors.first { $0.name == "projection.weight" }!.values
            for index in 0..<projection.count { projection.pointer[index] *= 3e38 }
            try SafeTensors.write(tensors, metadata: [:], as: .f32, to: "\(folder)/\(Model.weightsName)")
            let encoder = MultimodalEncoder(model: try open(folder), pool: Self.pool)
            #expect(throws: ModelError.overflow(stage: "the forward pass")) {
                try encoder.encode([EncoderInput([.text([5, 6, 2])])])
            }
        }
    }

    /// Bigrams and pooling logits, from a file: the vectors of the same weights in memory, and not those without them.
    @Test func optionalTensorsAreReadFromTheFile() throws {
        var configuration = try Model.configuration(path: Folders.nano)
        configuration.text.bigramRows = 30
        configuration.text.bigramWidth = 4
        configuration.unified.poolingLogits = true
        let tensors = Initialization.tensors(configuration, seed: 1)
        let store = ParameterStore(configuration.tensorShapes)
        for tensor in tensors {
            if tensor.name == Configuration.bigramEmbeddingName || tensor.name == Configuration.poolingLogitsName {
                for index in 0..<tensor.values.count { tensor.values.pointer[index] = Float(index % 7) / 4 - 0.5 }
            }
            store[tensor.name].pointer.update(from: tensor.values.pointer, count: tensor.values.count)
        }
        let content = EncoderInput([
            .text([11, 12, 13, 2]), .audio(patches: Matrix(rows: 2, columns: configuration.audioPatchLength)),
        ])
        try Folders.withNanoCopy { folder in
            try Folders.write([UInt8](JSONEncoder().encode(configuration)), "\(folder)/\(Model.configurationName)")
            try SafeTensors.write(tensors, metadata: [:], as: .f32, to: "\(folder)/\(Model.weightsName)")
            let encoder = MultimodalEncoder(model: try open(folder), pool: Self.pool)
            let pass = EncoderPass(configuration: configuration, pool: Self.pool)
            let expected = try pass.forward([content], ModelWeights(configuration, store), PassMemory(.nothing))
            let found = try encoder.encode([content]).values
            #expect(found == expected.rows.values)
            store[Configuration.bigramEmbeddingName].fill(0)
            let without = try pass.forward([content], ModelWeights(configuration, store), PassMemory(.nothing))
            #expect(found != without.rows.values)
        }
    }

    @Test func untrainedWeightsDependOnTheSeedAlone() throws {
        let configuration = try Model.configuration(path: Folders.nano)
        let first = Initialization.tensors(configuration, seed: 1)
        let again = Initialization.tensors(configuration, seed: 1)
        let other = Initialization.tensors(configuration, seed: 2)
        for ((a, b), c) in zip(zip(first, again), other) {
            expectClose(a.values.values, b.values.values, .equalBits, a.name)
            let isDrawn = !a.name.hasSuffix("norm.weight") && !a.name.hasSuffix("bias")
            #expect((a.values.values != c.values.values) == isDrawn, "\(a.name)")
        }
    }
}

private func removeFile(_ path: String) throws {
    guard unlink(path) == 0 else { throw ModelError.notFound(path: path) }
}
