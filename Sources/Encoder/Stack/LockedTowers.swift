import CastorNumerics

/// What pooling gave of pictures and sounds whose towers do not change while what is behind them is trained: computed once, not in every epoch.
///
/// Each is computed alone, so that the bits do not depend on when it was, or with what.
final class LockedTowers {
    struct Key: Hashable {
        private let hash: Int
        private let rows: Int
        private let tokens: Range<Int>

        /// - Parameter tokens: of those that the tower makes of it
        init(_ values: Matrix, tokens: Range<Int> = 0..<0) {
            var hasher = Hasher()
            hasher.combine(bytes: UnsafeRawBufferPointer(start: values.pointer, count: 4 * values.count))
            hash = hasher.finalize()
            rows = values.rows
            self.tokens = tokens
        }
    }

    let hasPictures: Bool
    let hasSounds: Bool
    private var rows: [Key: [Float]] = [:]
    private var byteCount = 0
    private static let mostBytes = 256 << 20

    /// nil where no tower is both locked and asked for.
    init?(_ trained: TrainedParts, _ spec: ModelSpec) {
        func isLocked(_ tower: TrainedParts.Tower, _ vector: VectorSpec?) -> Bool {
            tower.vector && tower.firstLayer == nil && vector != nil && vector?.attention == nil
        }
        hasPictures = isLocked(trained.image, spec.image?.vector)
        hasSounds = isLocked(trained.audio, spec.audio?.vector)
        guard hasPictures || hasSounds else { return nil }
    }

    /// What is known of each, or what `make` gives.
    func pooled<Item>(
        _ items: [Item], _ keys: [Key], width: Int, _ make: (Item) throws(ModelError) -> Matrix
    ) throws(ModelError) -> Matrix {
        let result = Matrix(rows: items.count, columns: width)
        for (index, key) in keys.enumerated() {
            if let known = rows[key] {
                result.row(index).update(from: known, count: width)
                continue
            }
            let own = try make(items[index])
            result.row(index).update(from: own.pointer, count: width)
            guard byteCount + 4 * width <= Self.mostBytes else { continue }
            rows[key] = own.values
            byteCount += 4 * width
        }
        return result
    }
}
