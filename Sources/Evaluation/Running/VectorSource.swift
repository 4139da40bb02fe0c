import Castor
import CastorNumerics
import Vectors

/// Contents to vectors of full size, in chunks.
final class VectorSource {
    /// Vectors of the items that have one.
    struct Result {
        /// `[n, d]`, a row for each of `kept`.
        var vectors: Matrix
        /// Indices of the items.
        var kept: [Int]

        /// Row of each item that has one.
        var rowOfItem: [Int: Int] {
            Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($0.element, $0.offset) })
        }
    }

    private let embedder: Embedder
    private let progress: (Int) -> Void
    private var cache: VectorCache
    private var embedded = 0

    private static let chunk = 256
    private static let cacheBytes = 512 << 20

    /// - Parameter progress: told how many contents have been embedded so far.
    init(_ embedder: Embedder, progress: @escaping (Int) -> Void) {
        self.embedder = embedder
        self.progress = progress
        cache = VectorCache(columns: embedder.dimensions, byteLimit: Self.cacheBytes)
    }

    /// - Parameters:
    ///   - skipped: gets the items that cannot be embedded.
    ///   - truncated: counts those longer than the model's context.
    func vectors(
        _ items: [EvaluationItem], prompt: TaskType?, skipped: inout SkipLog, truncated: inout Int
    ) throws(EvaluationError) -> Result {
        let vectors = Matrix(rows: items.count, columns: embedder.dimensions)
        var failed: Set<Int> = []
        var start = 0
        while start < items.count {
            // Up to a chunk of contents that no cache has, and whatever lies between them.
            var pending: [(key: String, item: EvaluationItem)] = []
            var waiting: [String: [Int]] = [:]
            while start < items.count, pending.count < Self.chunk {
                let key = "\(prompt?.rawValue ?? "")\u{0}\(items[start].identity)"
                if let hit = cache.copy(key, to: vectors.row(start)) {
                    if hit.truncated { truncated += 1 }
                } else {
                    if waiting[key] == nil { pending.append((key, items[start])) }
                    waiting[key, default: []].append(start)
                }
                start += 1
            }
            if pending.isEmpty { continue }
            for (request, result) in zip(pending, embed(pending.map(\.item), prompt)) {
                let indices = waiting[request.key]!
                switch result {
                case .success(let embedding):
                    cache.insert(request.key, embedding.values, truncated: embedding.truncated)
                    if embedding.truncated { truncated += indices.count }
                    embedding.values.withUnsafeBufferPointer {
                        for index in indices { vectors.row(index).update(from: $0.baseAddress!, count: $0.count) }
                    }
                case .failure(.model(let reason)): throw .model(reason)
                case .failure(let error):
                    failed.formUnion(indices)
                    for index in indices { skipped.note("\(items[index].origin): \(error.description)") }
                }
            }
            embedded += pending.count
            progress(embedded)
        }
        let kept = items.indices.filter { !failed.contains($0) }
        return Result(vectors: failed.isEmpty ? vectors : gatherRows(vectors, kept), kept: kept)
    }

    private func embed(
        _ items: [EvaluationItem], _ prompt: TaskType?
    ) -> [Swift.Result<Embedding, EmbedError>] {
        embedder.embed(
            items.map { item in
                var options = EmbedOptions()
                options.files = .relative(to: ".")
                options.task = prompt
                options.title = prompt == .retrievalDocument ? item.title : nil
                return (item.content, options)
            })
    }
}
