import CastorNumerics
import Checkpoints
import Encoder
import FoundationEssentials
import TestSupport
import Testing

/// Checkpoints of random weights and what `transformers` makes of them (tools/reference/make_families.py).
@Suite struct FamilyTests {
    static let families = [
        "bert", "xlm-roberta", "distilbert", "mpnet", "modernbert", "qwen3", "gemma3", "t5", "t5-gated",
        "embedding-gemma2",
    ]

    struct Golden: Decodable {
        let ids: [[Int32]]
        let vectors: [[Double]]

        var inputs: [EncoderInput] { ids.map { EncoderInput([.text($0)]) } }

        init(_ family: String) throws {
            self = try JSONDecoder().decode(
                Golden.self, from: Data(try Folders.read("\(Folders.fixtures)/families/\(family)/golden.json")))
        }
    }

    static func withModel<Result>(
        _ family: String, threads: Int = 2, kernel: RowKernel? = .best, _ body: (SpecModel) throws -> Result
    ) throws -> Result {
        try Folders.withTemporary { folder in
            try Checkpoint(path: "\(Folders.fixtures)/families/\(family)").write(to: folder)
            return try body(try SpecModel(path: folder, pool: WorkerPool(threads: threads, rowKernel: kernel)))
        }
    }

    /// The rows of a batch, each brought to a largest value of 1, as the promise of parity has it.
    static func scaled(_ rows: Matrix, like expected: [[Double]]) -> [[Float]] {
        expected.indices.map { row in
            let largest = Float(expected[row].map(abs).max()!)
            return (0..<rows.columns).map { rows.row(row)[$0] / largest }
        }
    }

    /// By each of our own kernels that this processor has, and by BLAS.
    @Test(arguments: families, RowKernel.all + [nil]) func vectorsEqualTheReferences(
        family: String, kernel: RowKernel?
    ) throws {
        let golden = try Golden(family)
        try Self.withModel(family, kernel: kernel) { model in
            let rows = Self.scaled(try model.encode(golden.inputs), like: golden.vectors)
            for (row, expected) in zip(rows, golden.vectors) {
                let largest = expected.map(abs).max()!
                expectClose(row, expected.map { Float($0 / largest) }, .parity, family)
            }
        }
    }

    struct Company {
        let family: String
        let threads: Int
        let kernel: RowKernel?

        static let all = families.flatMap { family in
            [1, 3].flatMap { threads in
                [RowKernel.best, nil].map { Company(family: family, threads: threads, kernel: $0) }
            }
        }
    }

    @Test(arguments: Company.all) func companyAndThreadsChangeNothing(company: Company) throws {
        let (family, threads, kernel) = (company.family, company.threads, company.kernel)
        let golden = try Golden(family)
        try Self.withModel(family, threads: threads, kernel: kernel) { model in
            let together = Self.scaled(try model.encode(golden.inputs), like: golden.vectors)
            #expect(Self.scaled(try model.encode(golden.inputs), like: golden.vectors) == together)
            for (index, ids) in golden.ids.enumerated() {
                let alone = Self.scaled(try model.encode([EncoderInput([.text(ids)])]), like: [golden.vectors[index]])
                // BLAS rounds a row by its company, and logits of Gemma's size enlarge that: four times what unit scores would have.
                let tolerance = Tolerance("company", kernel == nil ? 8e-6 : 2e-6)
                expectClose(alone[0], together[index], tolerance, "\(family), \(ids.count) tokens")
            }
        }
    }

    @Test func weightsStayInTheFormatThatTheyCameIn() throws {
        try Folders.withTemporary { folder in
            let source = "\(Folders.fixtures)/families/qwen3"
            let original = try SafeTensors(path: "\(source)/model.safetensors")
            // The upper half of an f32 is a bfloat16.
            let halves = original.entries.sorted { $0.key < $1.key }.map { name, entry in
                StreamedTensor(name: name, type: .bf16, shape: entry.shape) { (sink) throws(ModelError) in
                    let values = original.file.bytes[entry.range]
                    let upper = stride(from: 2, to: values.count, by: 4).flatMap { index in
                        [values[values.startIndex + index], values[values.startIndex + index + 1]]
                    }
                    let result: Result<Void, ModelError> = upper.withUnsafeBytes { bytes in
                        do throws(ModelError) { return .success(try sink(bytes)) } catch { return .failure(error) }
                    }
                    try result.get()
                }
            }
            try SafeTensors.write(streaming: halves, metadata: [:], to: "\(folder)/model.safetensors")
            for name in ["config.json", "tokenizer.json"] {
                try Folders.write(try Folders.read("\(source)/\(name)"), "\(folder)/\(name)")
            }
            let out = "\(folder)/out"
            try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
            try Checkpoint(path: folder).write(to: out)
            let model = try SpecModel(path: out, pool: WorkerPool(threads: 2))
            #expect(model.tensors.entries.values.allSatisfy { $0.type == .bf16 })

            // The same values, widened beforehand.
            let wide = "\(folder)/wide"
            try FileManager.default.createDirectory(atPath: wide, withIntermediateDirectories: true)
            let widened = try model.spec.tensorShapes().map { name, shape in
                let values = Matrix(rows: shape.count == 2 ? shape[0] : 1, columns: shape[shape.count - 1])
                try model.tensors.copy(name, into: values)
                return NamedTensor(name: name, shape: shape, values: values)
            }
            try SafeTensors.write(widened, metadata: [:], as: .f32, to: "\(wide)/model.safetensors")
            try Folders.write(try Folders.read("\(out)/config.json"), "\(wide)/config.json")
            let single = try SpecModel(path: wide, pool: WorkerPool(threads: 2))
            let ids = try Golden("qwen3").inputs
            // Their sums are in another order.
            let tolerance = Tolerance("other order", 4e-6)
            expectClose(try model.encode(ids).values, try single.encode(ids).values, tolerance)
        }
    }

    // MARK: - Eight bits

    /// With a scale a row, rounding to eight bits turns a vector by little: real weights by less than these, whose scores are large.
    @Test(arguments: families) func eightBitsKeepTheDirection(family: String) throws {
        let golden = try Golden(family)
        try Folders.withTemporary { folder in
            let checkpoint = try Checkpoint(path: "\(Folders.fixtures)/families/\(family)")
            try checkpoint.write(to: folder, precision: .int8)
            let model = try SpecModel(path: folder, pool: WorkerPool(threads: 2))
            for name in model.spec.matrixNames() {
                #expect(model.tensors.entries[name]?.type == .i8, "\(name)")
                #expect(model.tensors.entries["\(name).scale"]?.type == .f32, "\(name)")
            }
            let written = model.tensors.entries.values.reduce(0) { $0 + $1.range.count }
            #expect(written == checkpoint.weightBytes(.int8))
            let rows = try model.encode(golden.inputs)
            for (index, expected) in golden.vectors.enumerated() {
                let row = (0..<rows.columns).map { Double(rows.row(index)[$0]) }
                func length(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }
                let cosine = zip(row, expected).reduce(0) { $0 + $1.0 * $1.1 } / length(row) / length(expected)
                #expect(cosine > 0.99 && cosine < 1, "\(family), \(golden.ids[index].count) tokens")
            }
        }
    }

    /// A value is off by half a step of its group at most; zeros and the largest value stay.
    @Test func eightBitsAreTheNearest() throws {
        let rows: [[Float]] = [
            [0, 0, 0], [1, -1, 0.5], [3e-39, 0, -3e-39], [.greatestFiniteMagnitude, -1, 0], [-127, 63.5, 0.49],
        ]
        for row in rows {
            // A group of its own, the last of two, and the first: what lies beside it changes nothing.
            for (before, after) in [(0, 0), (int8GroupSize, 0), (0, 2 * int8GroupSize + 1)] {
                let rest = after == 0 ? 0 : int8GroupSize - row.count
                let whole =
                    [Float](repeating: 900, count: before) + row + [Float](repeating: 0, count: rest)
                    + [Float](repeating: -900, count: after)
                var values = [Int8](repeating: 1, count: whole.count)
                var scales = [Float](repeating: .nan, count: int8Groups(whole.count))
                roundToInt8(whole, into: &values, scales: &scales, count: whole.count)
                var back = [Float](repeating: .nan, count: whole.count)
                convertInt8(values, scales: scales, into: &back, count: whole.count)
                let largest = row.map(abs).max()!
                for (value, rounded) in zip(row, back[before...]) {
                    #expect(rounded.isFinite && abs(value - rounded) <= max(largest / 253, 1e-36), "\(row)")
                }
                let own = values[before..<before + row.count]
                if largest > 1e-30 { #expect(own.contains(127) || own.contains(-127)) }
            }
        }
    }

    @Test func rowsInEightBitsNeedTheirScales() throws {
        try Folders.withTemporary { folder in
            try Checkpoint(path: "\(Folders.fixtures)/families/bert").write(to: folder, precision: .int8)
            let whole = try SafeTensors(path: "\(folder)/model.safetensors")
            let name = "text.embedding.weight"
            for (shape, type, message) in [
                (nil, .f32, "missing"), ([60], .f32, "has shape [60], the configuration says [60, 1]"),
                ([60, 1], .bf16, "has dtype BF16, scales are F32"),
            ] as [([Int]?, ScalarType, String)] {
                let rest = whole.entries.sorted { $0.key < $1.key }.compactMap { key, entry -> StreamedTensor? in
                    guard key == "\(name).scale" else {
                        return StreamedTensor(name: key, type: entry.type, shape: entry.shape) {
                            (sink) throws(ModelError) in
                            try sink(UnsafeRawBufferPointer(rebasing: whole.file.bytes[entry.range]))
                        }
                    }
                    return shape.map { shape in
                        StreamedTensor(name: key, type: type, shape: shape) { (sink) throws(ModelError) in
                            let bytes = whole.file.bytes[entry.range].prefix(60 * type.byteCount)
                            try sink(UnsafeRawBufferPointer(rebasing: bytes))
                        }
                    }
                }
                try SafeTensors.write(streaming: rest, metadata: [:], to: "\(folder)/model.safetensors")
                let error = #expect(throws: ModelError.self) {
                    try SpecModel(path: folder, pool: WorkerPool(threads: 1))
                }
                #expect(error?.description.contains("\(name).scale") == true)
                #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
            }
        }
    }

    // MARK: - What is in the way is named

    @Test(arguments: [
        ("model_type", "\"llama\"", "model_type: \"llama\" is not supported"),
        ("hidden_act", "\"tanh\"", "hidden_act: \"tanh\" is not supported"),
        ("hidden_size", "\"20\"", "hidden_size: is \"20\", not a whole number"),
        ("hidden_size", "1000000000", "hidden_size: 1000000000 is outside 1...16384"),
        ("hidden_size", "24", "embeddings.word_embeddings.weight: has shape [60, 20], 24 columns are wanted"),
        ("num_attention_heads", "3", "num_attention_heads: 3 does not divide the width 20"),
        ("num_hidden_layers", "3", "encoder.layer.2.attention.self.query.weight: is missing"),
        ("intermediate_size", "37", "encoder.layer.0.intermediate.dense.weight: 720 values"),
        (
            "position_embedding_type", "\"relative_key\"",
            "position_embedding_type: is \"relative_key\", supported: absolute"
        ),
        ("max_position_embeddings", "null", "max_position_embeddings: is missing"),
        ("layer_norm_eps", "1e-60", "epsilon: must be a positive number"),
    ]) func whatIsInTheWayIsNamed(key: String, value: String, message: String) throws {
        try Folders.withTemporary { folder in
            let source = "\(Folders.fixtures)/families/bert"
            for name in ["model.safetensors", "tokenizer.json"] {
                try Folders.write(try Folders.read("\(source)/\(name)"), "\(folder)/\(name)")
            }
            // The last of two equal keys would be refused: the first goes.
            let lines = String(decoding: try Folders.read("\(source)/config.json"), as: UTF8.self).split(
                separator: "\n")
            let rest = lines.filter { !$0.contains("\"\(key)\":") }.dropFirst().joined(separator: "\n")
            try Folders.write(Array("{\n\"\(key)\": \(value),\n\(rest)".utf8), "\(folder)/config.json")
            let error = #expect(throws: CheckpointError.self) { _ = try Checkpoint(path: folder) }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "no error")")
        }
    }
}
