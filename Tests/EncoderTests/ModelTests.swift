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

    /// Bigrams, pooling logits and what pieces count, from a file: the vectors of the same weights in memory, and not those without them.
    @Test func optionalTensorsAreReadFromTheFile() throws {
        var configuration = try Model.configuration(path: Folders.nano)
        configuration.text.bigramRows = 30
        configuration.text.bigramWidth = 4
        configuration.unified.poolingLogits = true
        configuration.text.lexical = LexicalPart(widths: [64, 128], weights: [0.6, 0.4], share: 0.3, prompts: [[11]])
        let tensors = Initialization.tensors(configuration, seed: 1)
        let store = ParameterStore(configuration.tensorShapes)
        for tensor in tensors {
            if [
                Configuration.bigramEmbeddingName, Configuration.poolingLogitsName, Configuration.lexicalRarityName,
            ].contains(tensor.name) {
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

    /// A tower's MLP may be narrower than the model's: the same vectors and gradients as of a wide one whose other values are zeros.
    @Test(arguments: Configuration.Tower.allCases) func aTowerMayHaveAnMLPOfItsOwn(tower: Configuration.Tower) throws {
        let wide = try Model.configuration(path: Folders.nano)
        let own = 24
        var narrow = wide
        switch tower {
        case .text: narrow.text.mlpWidth = own
        case .image: narrow.image.mlpWidth = own
        case .audio: narrow.audio.mlpWidth = own
        case .unified: narrow.unified.mlpWidth = own
        }
        let stores = (narrow: ParameterStore(narrow.tensorShapes), wide: ParameterStore(wide.tensorShapes))
        var narrowTensors = 0
        for tensor in Initialization.tensors(narrow, seed: 1) {
            let large = stores.wide[tensor.name]
            copy(tensor.values, into: large)
            copy(tensor.values, into: stores.narrow[tensor.name])
            if tensor.values.count != large.count { narrowTensors += 1 }
        }
        #expect(narrowTensors == 2 * wide.blocks(of: tower))
        func noise(_ rows: Int, _ columns: Int) -> Matrix {
            let matrix = Matrix(rows: rows, columns: columns)
            for index in 0..<matrix.count { matrix.pointer[index] = Float(index * 7919 % 101) / 50 - 1 }
            return matrix
        }
        let content = EncoderInput([
            .text([11, 12, 13, 2]), .audio(patches: noise(3, wide.audioPatchLength)),
            .image(patches: noise(4, wide.imagePatchLength), grid: ImageGrid(width: 9, height: 9, maxPatches: 4)),
        ])
        func run(_ configuration: Configuration, _ store: ParameterStore) throws -> (rows: Matrix, ParameterStore) {
            let (weights, memory) = (ModelWeights(configuration, store), PassMemory(.everything))
            let gradients = ParameterStore(configuration.tensorShapes)
            let pass = EncoderPass(configuration: configuration, pool: Self.pool)
            let record = try pass.forward([content], weights, memory)
            pass.backward(
                record, noise(1, wide.outputDimensions), weights, into: ModelWeights(configuration, gradients), memory)
            return (record.rows, gradients)
        }
        let (a, b) = (try run(narrow, stores.narrow), try run(wide, stores.wide))
        expectClose(a.rows.values, b.rows.values, .parity, "rows")
        for tensor in a.1.tensors {
            let large = b.1[tensor.name]
            let corner = Matrix(rows: tensor.values.rows, columns: tensor.values.columns)
            copy(large, into: corner)
            // As shares of the largest value.
            let largest = corner.values.reduce(1e-6) { max($0, abs($1)) }
            expectClose(
                tensor.values.values.map { $0 / largest }, corner.values.map { $0 / largest }, .parity, tensor.name)
        }
    }

    /// The upper left corner that both have; the rest of `to` stays.
    private func copy(_ from: Matrix, into to: Matrix) {
        for row in 0..<min(from.rows, to.rows) {
            to.row(row).update(from: from.row(row), count: min(from.columns, to.columns))
        }
    }

    /// Tables in eight bits give the vectors of what their bits stand for; training and a soup read them as these values. A scale that is missing or of
    /// another shape is named, and so is a matrix in eight bits, which no product reads.
    @Test func tablesMayHaveEightBits() throws {
        var configuration = try Model.configuration(path: Folders.nano)
        configuration.text.bigramRows = 30
        configuration.text.bigramWidth = 4
        let tensors = Initialization.tensors(configuration, seed: 1)
        let bigrams = tensors.first { $0.name == Configuration.bigramEmbeddingName }!.values
        for index in 0..<bigrams.count { bigrams.pointer[index] = Float(index % 7) / 4 - 0.5 }
        let content = EncoderInput([.text([11, 12, 13, 2])])
        try Folders.withNanoCopy { folder in
            let path = "\(folder)/\(Model.weightsName)"
            try Folders.write([UInt8](JSONEncoder().encode(configuration)), "\(folder)/\(Model.configurationName)")
            let names = [Configuration.embeddingName, Configuration.bigramEmbeddingName]
            let rounded = try Self.writeEightBits(tensors, names, to: path)
            let model = try open(folder)
            let store = ParameterStore(configuration.tensorShapes)
            for tensor in store.tensors {
                try model.tensors.copy(tensor.name, into: tensor.values)
                if let expected = rounded[tensor.name] { #expect(tensor.values.values == expected, "\(tensor.name)") }
            }
            let pass = EncoderPass(configuration: configuration, pool: Self.pool)
            let expected = try pass.forward([content], ModelWeights(configuration, store), PassMemory(.nothing))
            let found = try MultimodalEncoder(model: model, pool: Self.pool).encode([content]).values
            #expect(found == expected.rows.values)

            _ = try Self.writeEightBits(tensors, names, to: path, withoutScale: names[1])
            #expect(throws: ModelError.tensor(name: "\(names[1]).scale", reason: "missing")) { try open(folder) }
            _ = try Self.writeEightBits(tensors, [Configuration.projectionName], to: path)
            #expect(throws: ModelError.self) { try open(folder) }
        }
    }

    /// Writes some tensors in eight bits, the others in f32.
    ///
    /// - Returns: the values that the bits stand for, by name
    private static func writeEightBits(
        _ tensors: [NamedTensor], _ names: [String], to path: String, withoutScale: String? = nil
    ) throws -> [String: [Float]] {
        var (entries, data, values) = ([String](), [UInt8](), [String: [Float]]())
        func add(_ name: String, _ type: String, _ shape: [Int], _ bytes: [UInt8]) {
            entries.append(
                #""\#(name)":{"dtype":"\#(type)","shape":\#(shape),"data_offsets":[\#(data.count),\#(data.count + bytes.count)]}"#
            )
            data += bytes
        }
        for tensor in tensors {
            guard names.contains(tensor.name) else {
                add(tensor.name, "F32", tensor.shape, tensor.values.values.withUnsafeBytes { Array($0) })
                continue
            }
            let (columns, groups) = (tensor.shape[1], int8Groups(tensor.shape[1]))
            let scales = (0..<tensor.shape[0] * groups).map { Float($0 % 5 + 1) / 64 }
            func scale(_ index: Int) -> Float {
                scales[index / columns * groups + index % columns / int8GroupSize]
            }
            let bits = tensor.values.values.enumerated().map { index, value in
                Int8(max(-127, min(127, (value / scale(index)).rounded())))
            }
            values[tensor.name] = bits.enumerated().map { Float($1) * scale($0) }
            add(tensor.name, "I8", tensor.shape, bits.map { UInt8(bitPattern: $0) })
            guard tensor.name != withoutScale else { continue }
            // At a multiple of four bytes, as every tensor's size is here.
            add("\(tensor.name).scale", "F32", [tensor.shape[0], groups], scales.withUnsafeBytes { Array($0) })
        }
        let header = Array("{\(entries.joined(separator: ","))}".utf8)
        let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) }
        try Folders.write(length + header + data, path)
        return values
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
