import CastorNumerics

/// Vectors by what was embedded, so that tasks that share contents embed them once. Bounded: when the newer half is full, the older
/// half is dropped.
struct VectorCache {
    private struct Generation {
        var rows: [String: Int] = [:]
        var blocks: [Matrix] = []
        var truncated: Set<String> = []
    }

    private let columns: Int
    private let capacity: Int
    private var newer = Generation()
    private var older = Generation()

    private static let blockRows = 1_024

    init(columns: Int, byteLimit: Int) {
        self.columns = columns
        capacity = max(Self.blockRows, byteLimit / 2 / (columns * MemoryLayout<Float>.stride))
    }

    /// Copies the vector of `key` to `row`; nil if there is none.
    func copy(_ key: String, to row: UnsafeMutablePointer<Float>) -> (truncated: Bool, Void)? {
        for generation in [newer, older] {
            guard let index = generation.rows[key] else { continue }
            row.update(
                from: generation.blocks[index / Self.blockRows].row(index % Self.blockRows), count: columns)
            return (generation.truncated.contains(key), ())
        }
        return nil
    }

    mutating func insert(_ key: String, _ values: [Float], truncated: Bool) {
        if newer.rows.count == capacity { (older, newer) = (newer, Generation()) }
        let index = newer.rows.count
        guard newer.rows.updateValue(index, forKey: key) == nil else { return }
        if index % Self.blockRows == 0 { newer.blocks.append(Matrix(rows: Self.blockRows, columns: columns)) }
        values.withUnsafeBufferPointer {
            newer.blocks[index / Self.blockRows].row(index % Self.blockRows).update(
                from: $0.baseAddress!, count: columns)
        }
        if truncated { newer.truncated.insert(key) }
    }
}
