import CastorNumerics
package import Encoder

/// Turns contents into vectors with the model of one folder.
///
/// ```swift
/// let embedder = try Embedder(modelPath: "weights/castor-small")
/// let vector = try embedder.embed(Content("a sleepy kitten")).values
/// ```
///
/// Safe to call from any number of threads: calls take turns at the processor's cores, and each uses all of them. The
/// same call gives the same bits; a content gives the same vector, within 2e-6 a component, whatever it is embedded with.
/// Calls block: from Swift concurrency, call from a thread of your own.
public final class Embedder: Sendable {
    /// How a model is opened and computed.
    ///
    /// ```swift
    /// var options = Embedder.Options()
    /// options.threads = 2
    /// let embedder = try Embedder(modelPath: "weights/castor-small", options: options)
    /// ```
    public struct Options: Sendable {
        /// Threads that compute. The default, nil, is one for each core. Where the address space is bounded (`ulimit -v`), there
        /// are as many as have room: 128 MiB each.
        public var threads: Int?
        /// Tokens that pass through the model together; more is faster up to some thousands and needs about 20 kB a token.
        /// The default is 4,096. A longer content still passes, alone.
        public var maxBatchTokens = 4_096
        /// What one content may hold.
        public var limits = Limits()
        /// What the factors of products with weights are rounded to. The default, nil, is single precision for castor's own models, and what the
        /// weights of an imported one are in: a checkpoint in bfloat16 is computed in that.
        public var precision: Precision?
        /// What an imported model leaves open.
        public var imported = ImportedModelOptions()

        /// The defaults.
        public init() {}
    }

    /// In which a model computes; sums are in single precision always. Where the processor has no instructions for it (AVX512-BF16; AVX2 for eight
    /// bits), it is single precision; ``ModelInfo/precision`` tells.
    public enum Precision: String, Sendable, CaseIterable {
        /// 24 bits of mantissa.
        case single
        /// 8 bits of mantissa.
        case bfloat16
        /// 8 bits, and a scale for each 64 values.
        case int8
    }

    /// What it was opened with.
    public let options: Options
    let model: OpenedModel
    let pool: WorkerPool
    let prepare: Preparation

    /// Opens a model folder. Weights are read when the first content needs them, or by ``warmUp()``.
    public init(modelPath: String, options: Options = Options()) throws(ModelLoadError) {
        precondition(options.maxBatchTokens > 0, "maxBatchTokens must be positive")
        let pool: WorkerPool
        do {
            let precision = options.precision.map { ComputePrecision($0) } ?? OpenedModel.ownPrecision(modelPath)
            pool = try WorkerPool(upTo: options.threads, precision: precision)
        } catch {
            throw ModelLoadError(error)
        }
        model = try OpenedModel(path: modelPath, pool: pool)
        self.options = options
        self.pool = pool
        prepare = Preparation(try model.frontEnd(options.imported), limits: options.limits)
    }

    private init(beside other: Embedder) {
        options = other.options
        pool = WorkerPool(
            threads: 1, rowKernel: other.pool.rowKernel, precision: other.pool.panelKernel?.precision ?? .single)
        model = other.model.beside(pool)
        prepare = other.prepare
    }

    /// The same model computed by the calling thread, with memory of its own: while ``embed(_:options:)-(Content,_)`` of this one computes something long, a
    /// call of that one does not wait for it. nil where the address space is bounded, which leaves no room for one more that multiplies.
    package func beside() -> Embedder? {
        AddressSpace.limit == nil ? Embedder(beside: self) : nil
    }

    /// Reads all weights now.
    public func warmUp() throws(ModelLoadError) {
        do {
            try model.load()
        } catch {
            throw ModelLoadError(error)
        }
    }

    /// Values of a full vector.
    public var dimensions: Int { prepare.frontEnd.outputDimensions }

    /// One vector for one content, however many parts it has.
    public func embed(_ content: Content, options: EmbedOptions = EmbedOptions()) throws(EmbedError) -> Embedding {
        try embed([content], options: options)[0].get()
    }

    /// One result a content, in order. A content that fails takes no other with it.
    public func embed(
        _ contents: [Content], options: EmbedOptions = EmbedOptions()
    ) -> [Result<Embedding, EmbedError>] {
        embed(contents.map { ($0, options) })
    }

    /// As ``embed(_:options:)-([Content],_)``, with options of their own for each content.
    public func embed(_ requests: [(content: Content, options: EmbedOptions)]) -> [Result<Embedding, EmbedError>] {
        var results: [Result<Embedding, EmbedError>] = []
        results.reserveCapacity(requests.count)
        var group: [(content: Content, options: EmbedOptions)] = []
        var cost = 0
        for request in requests {
            group.append(request)
            cost += request.content.parts.reduce(0) { $0 + Self.cost(of: $1) }
            if cost >= Self.maxPreparedCost {
                results += encode(prepareAll(group))
                (group, cost) = ([], 0)
            }
        }
        return results + encode(prepareAll(group))
    }

    /// Prepared contents wait in memory until they are encoded, a picture's patches about 0.3 MB, a minute of sound 2 MB: a
    /// bounded number at a time.
    private static let maxPreparedCost = 256

    private static func cost(of part: Part) -> Int {
        if case .text = part { 1 } else { 8 }
    }

    private func prepareAll(
        _ requests: [(content: Content, options: EmbedOptions)]
    ) -> [Result<PreparedContent, EmbedError>] {
        let slots = Slots<Result<PreparedContent, EmbedError>>(count: requests.count)
        pool.run(requests.count) { index, _ in
            do throws(EmbedError) {
                try checkMemory(for: requests[index].content)
                slots[index] = .success(try prepare.callAsFunction(requests[index].content, requests[index].options))
            } catch { slots[index] = .failure(error) }
        }
        return slots.values
    }

    func encode(_ prepared: [Result<PreparedContent, EmbedError>]) -> [Result<Embedding, EmbedError>] {
        var results: [Result<Embedding, EmbedError>?] = prepared.map { result in
            if case .failure(let error) = result { .failure(error) } else { nil }
        }
        for batch in batches(prepared) {
            for (item, result) in zip(batch, pass(batch.map(\.content))) { results[item.index] = result }
        }
        return results.map { $0! }
    }

    /// One pass; where it fails, one for each content: a row of the table that is not finite, or values that overflow, are the matter
    /// of the content that has them.
    private func pass(_ batch: [PreparedContent]) -> [Result<Embedding, EmbedError>] {
        do throws(ModelError) {
            let rows = try model.encode(batch.map(\.input))
            return batch.enumerated().map { row, content in embedding(content, rows[row..<row + 1]) }
        } catch {
            if batch.count == 1 {
                if case .outOfMemory(let lack) = error { return [.failure(.outOfMemory(reason: lack.description))] }
                return [.failure(.model(error.description))]
            }
            return batch.flatMap { pass([$0]) }
        }
    }

    /// Contents in order, cut where the token budget is full.
    private func batches(
        _ prepared: [Result<PreparedContent, EmbedError>]
    ) -> [[(index: Int, content: PreparedContent)]] {
        var batches: [[(index: Int, content: PreparedContent)]] = []
        var room = 0
        for (index, result) in prepared.enumerated() {
            guard case .success(let content) = result else { continue }
            if batches.isEmpty || content.input.workTokenCount > room {
                batches.append([])
                room = options.maxBatchTokens
            }
            batches[batches.count - 1].append((index, content))
            room -= content.input.workTokenCount
        }
        return batches
    }

    /// The prefix of the wanted size, divided by its length.
    private func embedding(_ content: PreparedContent, _ row: Matrix) -> Result<Embedding, EmbedError> {
        let prefix = UnsafeBufferPointer(start: row.pointer, count: content.dimensions)
        let square = prefix.reduce(0.0) { $0 + Double($1) * Double($1) }
        guard square > 0 else { return .failure(.model("the model gave a vector of length 0")) }
        let inverse = 1 / square.squareRoot()
        return .success(
            Embedding(
                values: prefix.map { Float(Double($0) * inverse) }, tokenCount: content.input.tokenCount,
                usage: content.usage, truncated: content.truncated, notes: content.notes))
    }
}

extension ModelLoadError {
    package init(_ error: ModelError) {
        if case .notFound = error { isMissing = true } else { isMissing = false }
        if case .outOfMemory = error { isMachine = true } else { isMachine = false }
        description = error.description
    }

    init(_ error: BLASError) {
        isMissing = false
        isMachine = true
        description = error.description
    }
}

/// Models before training.
public enum UntrainedModel {
    /// Writes random weights for the `config.json` in the folder at `path`: a pure function of both it and the seed.
    ///
    /// - Returns: the number of parameters.
    public static func write(at path: String, seed: UInt64) throws(ModelLoadError) -> Int {
        do {
            return try Initialization.writeUntrained(modelAt: path, seed: seed)
        } catch {
            throw ModelLoadError(error)
        }
    }
}

extension ComputePrecision {
    init(_ precision: Embedder.Precision) {
        self =
            switch precision {
            case .single: .single
            case .bfloat16: .bfloat16
            case .int8: .int8
            }
    }
}
