package import CastorNumerics
import Synchronization

/// Where a forward pass finds its weights: a model's file, read when needed, or the memory of a trainer.
package protocol WeightSource: Sendable {
    func text() throws(ModelError) -> TextWeights
    func image() throws(ModelError) -> PatchWeights
    func audio() throws(ModelError) -> PatchWeights
    func unified() throws(ModelError) -> UnifiedWeights
}

/// All weights of a model, or all of their gradients, as views of a store.
package struct ModelWeights: WeightSource {
    package let textWeights: TextWeights
    package let imageWeights: PatchWeights
    package let audioWeights: PatchWeights
    package let unifiedWeights: UnifiedWeights

    /// - Precondition: the store has every tensor of the configuration.
    package init(_ configuration: Configuration, _ store: ParameterStore) {
        let assembly = WeightAssembly(configuration: configuration) { (name) throws(Never) in store[name] }
        textWeights = TextWeights(
            embedding: EmbeddingTable(store["text.embedding.weight"]),
            bigrams: configuration.text.bigrams.map {
                BigramWeights(
                    hashing: $0, table: EmbeddingTable(store[Configuration.bigramEmbeddingName]),
                    projection: store[Configuration.bigramProjectionName])
            },
            lexical: configuration.text.lexical.map {
                LexicalWeights(part: $0, rarity: store[Configuration.lexicalRarityName])
            }, tower: assembly.tower(.text))
        imageWeights = assembly.patches(.image)
        audioWeights = assembly.patches(.audio)
        unifiedWeights = assembly.unified()
    }

    package func text() -> TextWeights { textWeights }
    package func image() -> PatchWeights { imageWeights }
    package func audio() -> PatchWeights { audioWeights }
    package func unified() -> UnifiedWeights { unifiedWeights }
}

/// One pre-norm transformer block; shapes in docs/model.md section 7.
package struct BlockWeights: Sendable {
    package let attentionNorm: Matrix
    package let qkv: Matrix
    package let attentionOutput: Matrix
    package let mlpNorm: Matrix
    package let up: Matrix
    package let down: Matrix
}

/// A stack of blocks and the norm that ends it.
package struct TowerWeights: Sendable {
    package let blocks: [BlockWeights]
    package let norm: Matrix
}

/// A front-end that maps flattened patches to tokens, and its tower.
package struct PatchWeights: Sendable {
    /// `[d, patch length]`
    package let embedding: Matrix
    /// `[d]`
    package let bias: Matrix
    package let tower: TowerWeights
}

package struct TextWeights: Sendable {
    package let embedding: EmbeddingTable
    package let bigrams: BigramWeights?
    package let lexical: LexicalWeights?
    package let tower: TowerWeights
}

/// What a token says together with the one before it.
package struct BigramWeights: Sendable {
    package let hashing: HashedBigrams
    /// `[rows, w]`
    package let table: EmbeddingTable
    /// `[d, w]`
    package let projection: Matrix
}

package struct UnifiedWeights: Sendable {
    /// `[5, d]`, rows in the order of ``Modality``
    package let modality: Matrix
    /// `[d, time features]` of a video's frames, where the model has it
    package let time: Matrix?
    /// `[5]`, logarithms of what a token of each ``Modality`` weighs in a content's mean, where the model has them
    package let poolingLogits: Matrix?
    package let tower: TowerWeights
    /// `[projected dimensions, d]`
    package let projection: Matrix
}

/// Token embeddings: in memory, or left in the file in their own number format, because a text touches few of the rows.
package struct EmbeddingTable: Sendable {
    private enum Storage: Sendable {
        case file(MappedFile, SafeTensors.Entry)
        /// Eight bits a value, and what each group of a row's is to be multiplied with.
        case scaled(MappedFile, SafeTensors.Entry, scales: SafeTensors.Entry)
        case memory(Matrix)
    }

    private let storage: Storage
    private let name: String
    package let rows: Int
    package let columns: Int

    init(_ name: String, in tensors: SafeTensors) {
        let entry = tensors.entries[name]!
        storage = .file(tensors.file, entry)
        self.name = name
        rows = entry.shape[0]
        columns = entry.shape[1]
    }

    /// - Parameter scales: of a tensor in eight bits, ``int8Groups(_:)`` f32 a row
    init(_ name: String, in tensors: SafeTensors, scales: SafeTensors.Entry) {
        let entry = tensors.entries[name]!
        storage = .scaled(tensors.file, entry, scales: scales)
        self.name = name
        rows = entry.shape[0]
        columns = entry.shape[1]
    }

    package init(_ matrix: Matrix) {
        storage = .memory(matrix)
        name = ""
        rows = matrix.rows
        columns = matrix.columns
    }

    /// The first value of row `id`, of a table in memory.
    func row(_ id: Int) -> UnsafeMutablePointer<Float> {
        guard case .memory(let matrix) = storage else { preconditionFailure("the table is in a file") }
        return matrix.row(id)
    }

    /// Row `id` as f32. Throws where there is no such row, which takes ids of another vocabulary, and when a file holds a value that is not
    /// finite.
    ///
    /// - Precondition: `output` has room for `columns` values.
    package func copyRow(_ id: Int, into output: UnsafeMutablePointer<Float>) throws(ModelError) {
        guard id >= 0, id < rows else { throw .tensor(name: name, reason: "has \(rows) rows, and no row \(id)") }
        switch storage {
        case .memory(let matrix): output.update(from: matrix.row(id), count: columns)
        case .file(let file, let entry):
            let start = file.bytes.baseAddress! + entry.range.lowerBound + id * columns * entry.type.byteCount
            guard convert(start, entry.type, into: output, count: columns) else {
                throw .tensor(name: name, reason: "row \(id) holds a value that is not finite")
            }
        case .scaled(let file, let entry, let scales):
            let start = file.bytes.baseAddress!
            convertInt8(
                start + entry.range.lowerBound + id * columns,
                scales: start + scales.range.lowerBound + id * 4 * int8Groups(columns), into: output, count: columns)
            guard allFinite(output, count: columns) else {
                throw .tensor(name: name, reason: "row \(id) holds a value that is not finite")
            }
        }
    }
}

extension SafeTensors {
    /// The values of a tensor as f32, with scales where they have eight bits. Throws where the file has no such tensor of as many values as `output`.
    package func copy(_ name: String, into output: Matrix) throws(ModelError) {
        if let entry = entries[name], entry.type == .i8, entry.shape == [output.rows, output.columns],
            let scales = try scales(of: name, entry.shape)
        {
            let table = EmbeddingTable(name, in: self, scales: scales)
            for row in 0..<output.rows { try table.copyRow(row, into: output.row(row)) }
            return
        }
        guard let entry = entries[name], entry.shape.reduce(1, *) == output.count, entry.type.isOfWeights else {
            throw .tensor(name: name, reason: "is not \(output.count) values of F32, F16 or BF16")
        }
        let start = file.bytes.baseAddress! + entry.range.lowerBound
        guard convert(start, entry.type, into: output.pointer, count: output.count) else {
            throw .tensor(name: name, reason: "holds a value that is not finite")
        }
    }
}

/// Converts to f32 and says whether all values are finite.
private func convert(
    _ input: UnsafeRawPointer, _ type: ScalarType, into output: UnsafeMutablePointer<Float>, count: Int
) -> Bool {
    switch type {
    case .f32:
        UnsafeMutableRawPointer(output).copyMemory(from: input, byteCount: 4 * count)
    case .bf16:
        convertBrainFloat(input, into: output, count: count)
    case .f16:
        convertHalf(input, into: output, count: count)
        return halfIsFinite(input, count: count)
    default:
        preconditionFailure("the model was opened with weights of another dtype")
    }
    return allFinite(output, count: count)
}

/// Puts the tensors of a model together, wherever they come from.
struct WeightAssembly<Failure: Error> {
    let configuration: Configuration
    /// A tensor by its name; a vector is a matrix of one row.
    let matrix: (String) throws(Failure) -> Matrix

    func patches(_ kind: Configuration.Tower) throws(Failure) -> PatchWeights {
        PatchWeights(
            embedding: try matrix("\(kind.rawValue).patch_embedding.weight"),
            bias: try matrix("\(kind.rawValue).patch_embedding.bias"), tower: try tower(kind))
    }

    func unified() throws(Failure) -> UnifiedWeights {
        UnifiedWeights(
            modality: try matrix("unified.modality_embedding.weight"),
            time: configuration.hasTimeEmbedding ? try matrix(Configuration.timeEmbeddingName) : nil,
            poolingLogits: configuration.hasPoolingLogits ? try matrix(Configuration.poolingLogitsName) : nil,
            tower: try tower(.unified),
            projection: try matrix("projection.weight"))
    }

    func tower(_ kind: Configuration.Tower) throws(Failure) -> TowerWeights {
        var blocks: [BlockWeights] = []
        for index in 0..<configuration.blocks(of: kind) {
            let name = "\(kind.rawValue).blocks.\(index)"
            blocks.append(
                BlockWeights(
                    attentionNorm: try matrix("\(name).attention_norm.weight"),
                    qkv: try matrix("\(name).attention.qkv.weight"),
                    attentionOutput: try matrix("\(name).attention.output.weight"),
                    mlpNorm: try matrix("\(name).mlp_norm.weight"), up: try matrix("\(name).mlp.up.weight"),
                    down: try matrix("\(name).mlp.down.weight")))
        }
        return TowerWeights(blocks: blocks, norm: try matrix("\(kind.rawValue).norm.weight"))
    }
}

/// Reads the weights of a model from its safetensors file, converting in parallel.
struct WeightLoader {
    let configuration: Configuration
    let tensors: SafeTensors
    let pool: WorkerPool
    private let room = WeightRoom()

    init(configuration: Configuration, tensors: SafeTensors, pool: WorkerPool) {
        (self.configuration, self.tensors, self.pool) = (configuration, tensors, pool)
    }

    private var assembly: WeightAssembly<ModelError> {
        WeightAssembly(configuration: configuration) { (name) throws(ModelError) in try matrix(name) }
    }

    func text() throws(ModelError) -> TextWeights {
        TextWeights(
            embedding: try table(Configuration.embeddingName),
            bigrams: try bigrams(), lexical: try lexical(), tower: try assembly.tower(.text))
    }

    private func lexical() throws(ModelError) -> LexicalWeights? {
        guard let part = configuration.text.lexical else { return nil }
        return LexicalWeights(part: part, rarity: try matrix(Configuration.lexicalRarityName))
    }

    private func bigrams() throws(ModelError) -> BigramWeights? {
        guard let hashing = configuration.text.bigrams else { return nil }
        return BigramWeights(
            hashing: hashing, table: try table(Configuration.bigramEmbeddingName),
            projection: try matrix(Configuration.bigramProjectionName))
    }

    /// Left in the file; its scales, where it has eight bits a value, are read.
    private func table(_ name: String) throws(ModelError) -> EmbeddingTable {
        guard let scales = try tensors.scales(of: name, tensors.entries[name]!.shape) else {
            return EmbeddingTable(name, in: tensors)
        }
        return EmbeddingTable(name, in: tensors, scales: scales)
    }

    func patches(_ kind: Configuration.Tower) throws(ModelError) -> PatchWeights {
        try assembly.patches(kind)
    }

    func unified() throws(ModelError) -> UnifiedWeights {
        try assembly.unified()
    }

    /// A vector becomes a matrix of one row.
    private func matrix(_ name: String) throws(ModelError) -> Matrix {
        let entry = tensors.entries[name]!
        let columns = entry.shape.last ?? 1
        let result: Matrix
        do throws(OutOfMemory) {
            result = try room.matrix(rows: entry.shape.count == 2 ? entry.shape[0] : 1, columns: columns)
        } catch { throw .outOfMemory(error) }
        let start = tensors.file.bytes.baseAddress! + entry.range.lowerBound
        let ranges = pool.ranges(result.count, minimum: 1 << 16)
        let finite = Flags(count: ranges.count)
        pool.run(ranges.count) { index, _ in
            let range = ranges[index]
            finite[index] = convert(
                start + range.lowerBound * entry.type.byteCount, entry.type,
                into: result.pointer + range.lowerBound, count: range.count)
        }
        guard finite.allSet else { throw .tensor(name: name, reason: "holds a value that is not finite") }
        return result
    }
}

/// Memory of a model's matrices, several in a piece: large pieces have pages of 2 MiB, and a page less is a fault less when a model is read.
private final class WeightRoom: Sendable {
    private struct Piece {
        var buffer: FloatBuffer?
        var used = 0
    }

    private let piece = Mutex(Piece())

    /// Values of a piece.
    private static let pieceCount = 4 << 20
    /// Rows begin where a vector of 64 bytes does.
    private static let alignment = 16

    /// Without values.
    func matrix(rows: Int, columns: Int) throws(OutOfMemory) -> Matrix {
        let count = rows * columns
        let room = (count + Self.alignment - 1) / Self.alignment * Self.alignment
        guard count > 0, room <= Self.pieceCount / 2 else {
            return count > 0
                ? Matrix(buffer: try FloatBuffer(unwrittenOrThrow: count), rows: rows, columns: columns)
                : Matrix(rows: rows, columns: columns)
        }
        let result: Result<Matrix, OutOfMemory> = piece.withLock { piece in
            do throws(OutOfMemory) {
                if piece.buffer.map({ piece.used + room > $0.count }) ?? true {
                    piece = Piece(buffer: try FloatBuffer(unwrittenOrThrow: Self.pieceCount))
                }
                defer { piece.used += room }
                return .success(Matrix(buffer: piece.buffer!, offset: piece.used, rows: rows, columns: columns))
            } catch { return .failure(error) }
        }
        return try result.get()
    }
}

/// One Boolean a piece of parallel work; each piece writes its own.
private final class Flags: @unchecked Sendable {
    private let values: UnsafeMutableBufferPointer<Bool>

    init(count: Int) {
        values = .allocate(capacity: count)
        values.initialize(repeating: false)
    }

    deinit { values.deallocate() }

    subscript(index: Int) -> Bool {
        get { values[index] }
        set { values[index] = newValue }
    }

    var allSet: Bool { values.allSatisfy { $0 } }
}
