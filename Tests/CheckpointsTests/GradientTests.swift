import CastorNumerics
import Checkpoints
import Encoder
import Foundation
import TestSupport
import Testing

/// Gradients of models of format castor-2: against PyTorch's in double precision (tools/reference/make_family_gradients.py), against central
/// differences of the forward pass, and against themselves when less is trained.
@Suite struct GradientTests {
    static let texts = [
        "bert", "xlm-roberta", "distilbert", "mpnet", "modernbert", "qwen3", "gemma3", "t5", "t5-gated",
    ]
    static let pictures = ["clip", "siglip", "dinov2", "dinov2-gated"]
    static let families = texts + pictures

    /// Of a tensor's largest value.
    private static let tolerance = 1e-4

    /// A family's model, opened for training, and its golden contents.
    struct Bench {
        let spec: ModelSpec
        let tensors: SafeTensors
        let inputs: [EncoderInput]
        let parameters: ParameterStore
        let gradients: ParameterStore
        let training: SpecTraining

        init(
            _ family: String, _ folder: String, threads: Int = 2, longest: Int = .max,
            isTrained: (String) -> Bool = { _ in true }
        ) throws {
            let model = "\(folder)/model"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try Checkpoint(path: "\(Folders.fixtures)/families/\(family)").write(to: model)
            let spec = try ModelSpec(json: Data(try Folders.read("\(model)/config.json")))
            self.spec = spec
            tensors = try SafeTensors(path: "\(model)/model.safetensors")
            inputs = try GradientTests.inputs(family, spec, longest: longest)
            let shapes = spec.tensorShapes().filter { GradientTests.hasBackward($0.name, family) && isTrained($0.name) }
            parameters = try ParameterStore(shapes, of: tensors)
            gradients = ParameterStore(shapes)
            let names = Set(shapes.map(\.name))
            training = SpecTraining(
                spec, tensors, parameters, gradients: gradients,
                trained: try TrainedParts(spec) { names.contains($0) }, pool: WorkerPool(threads: threads))
        }

        /// The gradient of the reference's loss.
        func run() throws {
            let rows = try training.recordedRows(inputs)
            let dRows = Matrix(rows: rows.rows, columns: rows.columns)
            for index in 0..<dRows.count {
                dRows.pointer[index] = Float(GradientTests.factor(index / rows.columns, index % rows.columns))
            }
            training.backward(dRows)
        }

        func loss() throws -> Double {
            let rows = try training.rows(inputs)
            return (0..<rows.count).reduce(0) {
                $0 + Double(rows.pointer[$1]) * GradientTests.factor($1 / rows.columns, $1 % rows.columns)
            }
        }
    }

    /// Of the loss of the reference: what a component of a content's vector counts.
    static func factor(_ content: Int, _ component: Int) -> Double { sin(Double(1 + 3 * content + 7 * component)) }

    /// Positions that are resampled have none.
    private static func hasBackward(_ name: String, _ family: String) -> Bool {
        !(family.hasPrefix("dinov2") && name == "image.positions.weight")
    }

    private static func inputs(_ family: String, _ spec: ModelSpec, longest: Int) throws -> [EncoderInput] {
        guard pictures.contains(family) else {
            return try FamilyTests.Golden(family).inputs.filter { $0.tokenCount <= longest }
        }
        guard let image = spec.image else { preconditionFailure("\(family) sees nothing") }
        return try PictureGolden(family).inputs(image)
    }

    // MARK: - Against PyTorch

    @Test(arguments: families) func equalPyTorchs(family: String) throws {
        try Folders.withTemporary { folder in
            let bench = try Bench(family, folder)
            try bench.run()
            let golden = try Self.golden(family, folder)
            for tensor in bench.gradients.tensors {
                let expected = Matrix(rows: 1, columns: tensor.values.count)
                try golden.copy(tensor.name, into: expected)
                let largest = expected.values.map(abs).max()!
                #expect(largest > 1e-6, "\(family): \(tensor.name) has no gradient")
                var worst: Float = 0
                for index in 0..<expected.count {
                    worst = max(worst, abs(tensor.values.pointer[index] - expected.pointer[index]))
                }
                #expect(
                    Double(worst / largest) <= Self.tolerance,
                    "\(family): \(tensor.name) is \(worst / largest) from PyTorch's, by its largest value \(largest)")
            }
        }
    }

    /// The reference's gradients in the layout of a checkpoint, imported as one: names, joined matrices and all.
    private static func golden(_ family: String, _ folder: String) throws -> SafeTensors {
        let source = "\(Folders.fixtures)/families/\(family)"
        let copy = "\(folder)/gradients"
        try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
        for name in ["config.json", "tokenizer.json", "preprocessor_config.json"] {
            guard FileManager.default.fileExists(atPath: "\(source)/\(name)") else { continue }
            try Folders.write(try Folders.read("\(source)/\(name)"), "\(copy)/\(name)")
        }
        try Folders.write(try Folders.read("\(source)/gradients.safetensors"), "\(copy)/model.safetensors")
        try Checkpoint(path: copy).write(to: "\(folder)/golden")
        return try SafeTensors(path: "\(folder)/golden/model.safetensors")
    }

    // MARK: - Against differences

    /// Of the derivative in the gradient's own direction, where noise is least, and in one that shares half of it with a random one. A ReLU,
    /// as T5's, has kinks that a difference steps over.
    @Test(arguments: families.filter { $0 != "t5" }) func equalDifferences(family: String) throws {
        try Folders.withTemporary { folder in
            let bench = try Bench(family, folder, longest: 40)
            try bench.run()
            var random = SeededRandom(seed: 5)
            for tensor in bench.parameters.tensors {
                let gradient = bench.gradients[tensor.name]
                let norm = preciseSumOfSquares(gradient.pointer, count: gradient.count).squareRoot()
                for mixed in [0.0, 1] {
                    let direction = (0..<gradient.count).map { index in
                        let noise = Double.random(in: -1...1, using: &random) * 2 / Double(gradient.count).squareRoot()
                        return Double(gradient.pointer[index]) / norm + mixed * noise
                    }
                    let expected = direction.indices.reduce(0) { $0 + direction[$1] * Double(gradient.pointer[$1]) }
                    let found = try Self.derivative(bench, tensor.values, direction)
                    #expect(
                        abs(found - expected) <= 1e-2 * norm + 2e-3,
                        "\(family): \(tensor.name): \(found) by differences, \(expected) by the backward pass")
                }
            }
        }
    }

    /// Central differences at h and 2h, extrapolated.
    private static func derivative(_ bench: Bench, _ values: Matrix, _ direction: [Double]) throws -> Double {
        let original = values.copy()
        func loss(at distance: Double) throws -> Double {
            for index in 0..<values.count {
                values.pointer[index] = Float(Double(original.pointer[index]) + distance * direction[index])
            }
            return try bench.loss()
        }
        defer { values.pointer.update(from: original.pointer, count: values.count) }
        let step = 0.01
        let near = try (loss(at: step) - loss(at: -step)) / (2 * step)
        let far = try (loss(at: 2 * step) - loss(at: -2 * step)) / (4 * step)
        return (4 * near - far) / 3
    }

    // MARK: - Against themselves

    @Test(arguments: families) func recordingChangesNoBit(family: String) throws {
        try Folders.withTemporary { folder in
            let bench = try Bench(family, folder)
            let served = try SpecModel(path: "\(folder)/model", pool: WorkerPool(threads: 2)).encode(bench.inputs)
            #expect(try bench.training.rows(bench.inputs).values == served.values)
            #expect(try bench.training.recordedRows(bench.inputs).values == served.values)
        }
    }

    @Test(arguments: ["bert", "gemma3", "clip", "siglip"]) func equalCallsGiveEqualBits(family: String) throws {
        try Folders.withTemporary { folder in
            let bench = try Bench(family, folder)
            try bench.run()
            let first = bench.gradients.tensors.map(\.values.values)
            bench.gradients.clear(WorkerPool(threads: 2))
            try bench.run()
            #expect(bench.gradients.tensors.map(\.values.values) == first)
        }
    }

    /// Locked tensors take no gradient, and the others have the one that they have when all is trained.
    @Test(arguments: [
        ("bert", ["text.layers.1."]), ("bert", ["text.layers.0.1.", "text.layers.1.0.after."]),
        ("modernbert", ["text.norm."]), ("mpnet", ["text.relative_bias."]), ("gemma3", ["text.embedding."]),
        ("clip", ["image.head."]), ("clip", ["text.layers.1.", "image.layers.1."]), ("siglip", ["image.pooling."]),
        ("dinov2", ["image.class_token", "image.patch."]),
    ]) func lessTrainedIsTheSameWhereItIs(family: String, prefixes: [String]) throws {
        try Folders.withTemporary { folder in
            let whole = try Bench(family, "\(folder)/whole")
            try whole.run()
            let part = try Bench(family, "\(folder)/part") { name in prefixes.contains { name.hasPrefix($0) } }
            try part.run()
            #expect(!part.gradients.tensors.isEmpty && part.gradients.tensors.count < whole.gradients.tensors.count)
            for tensor in part.gradients.tensors {
                let expected = whole.gradients[tensor.name].values
                let largest = expected.map(abs).max()!
                // Pictures pass a locked tower one at a time, which shows in last digits.
                expectClose(
                    tensor.values.values.map { $0 / largest }, expected.map { $0 / largest }, .parity,
                    "\(family): \(tensor.name)")
            }
        }
    }

    /// What a locked tower gave once is used again, and a content of several parts has its share of each.
    @Test func lockedTowersAreComputedOnce() throws {
        try Folders.withTemporary { folder in
            let bench = try Bench("clip", folder) { $0.hasPrefix("image.head.") }
            try bench.run()
            let first = (try bench.training.rows(bench.inputs).values, bench.gradients.tensors[0].values.values)
            bench.gradients.clear(WorkerPool(threads: 2))
            try bench.run()
            #expect(bench.gradients.tensors[0].values.values == first.1)
            // In another order and company.
            let turned = try bench.training.rows(bench.inputs.reversed())
            for (row, index) in bench.inputs.indices.reversed().enumerated() {
                let (a, b) = (
                    turned[row..<row + 1].values, Array(first.0[index * turned.columns..<(index + 1) * turned.columns])
                )
                let largest = b.map(abs).max()!
                expectClose(a.map { $0 / largest }, b.map { $0 / largest }, .parity, "content \(index)")
            }
        }
    }

    // MARK: - What has no backward is named

    @Test func whatHasNoBackwardIsNamed() throws {
        try Folders.withTemporary { folder in
            func reason(_ family: String, _ names: [String]) throws -> String? {
                let out = "\(folder)/\(family)"
                if !FileManager.default.fileExists(atPath: out) {
                    try Checkpoint(path: "\(Folders.fixtures)/families/\(family)").write(to: out)
                }
                let spec = try ModelSpec(json: Data(try Folders.read("\(out)/config.json")))
                do {
                    _ = try TrainedParts(spec) { name in names.contains { name.hasPrefix($0) } }
                    return nil
                } catch { return error.description }
            }
            // Outside of the macros, which do not make a closure a throwing one.
            let (body, nothing) = (try reason("embedding-gemma2", ["text."]), try reason("embedding-gemma2", []))
            #expect(body?.contains("text.embedding.weight cannot be trained") == true)
            #expect(body?.contains("body.layers") == true)
            #expect(nothing == nil)
            let (positions, layers) = (try reason("dinov2", ["image."]), try reason("dinov2", ["image.layers."]))
            #expect(positions?.contains("freeze image.positions.*") == true)
            #expect(layers == nil)
        }
    }

    @Test func anOperationWithoutBackwardIsNamed() throws {
        func spec(_ operation: BranchSpec.Operation) -> ModelSpec {
            var text = TextSpec(vocabularySize: 8, width: 8)
            let mlp = BranchSpec(.feedForward(FeedForwardSpec(hidden: 8, activation: .relu)))
            text.stack = StackSpec(width: 8, layers: [LayerSpec([mlp]), LayerSpec([mlp, BranchSpec(operation)])])
            text.vector = VectorSpec(.mean, head: [DenseSpec(inputs: 8, outputs: 8, bias: false)])
            var spec = ModelSpec(
                name: "x", family: "x", maxTokens: 16, outputDimensions: 8, sequence: SequenceSpec())
            spec.text = text
            return spec
        }
        var (capped, clipped) = (AttentionSpec(heads: 1, headSize: 8), AttentionSpec(heads: 1, headSize: 8))
        capped.cap = 50
        clipped.clipped = true
        let cases: [(BranchSpec.Operation, String)] = [
            (.attention(capped), "attention with a cap"), (.attention(clipped), "clipped attention"),
            (.convolution(ConvolutionSpec(kernel: 3, norm: .rms(epsilon: 1e-6), activation: .silu)), "convolution"),
            (
                .perLayerInput(
                    PerLayerInputSpec(size: 4, activation: .silu, norm: .rms(epsilon: 1e-6), factor: 1)),
                "per_layer_input"
            ),
        ]
        for (operation, name) in cases {
            let spec = spec(operation)
            for trained in ["text.layers.0.0.up.weight", "text.embedding.weight"] {
                let error = #expect(throws: Untrainable.self) { try TrainedParts(spec) { $0 == trained } }
                #expect(
                    error?.description
                        == "\(trained) cannot be trained: its gradient would pass text.layers.1.1, and \(name) has no backward; "
                        + "train what is behind it alone, such as text.head.*")
            }
            #expect(throws: Never.self) { try TrainedParts(spec) { $0 == "text.head.0.weight" } }
        }
    }
}
