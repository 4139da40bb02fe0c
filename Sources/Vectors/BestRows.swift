/// The best `capacity` of rows that come one after the other, whatever their number: twice as many are held and halved when they are full, so
/// that a row costs a comparison.
package struct BestRows: Sendable {
    package let capacity: Int
    private var held: [Neighbor] = []
    /// What is not above it need not be offered.
    package private(set) var threshold = -Float.infinity

    package init(capacity: Int) {
        precondition(capacity > 0)
        self.capacity = capacity
        held.reserveCapacity(2 * capacity)
    }

    @inline(__always)
    package mutating func offer(_ index: Int, _ score: Float) {
        guard score > threshold else { return }
        held.append(Neighbor(index: index, score: score))
        if held.count == 2 * capacity { halve() }
    }

    package mutating func add(_ other: BestRows) {
        for neighbor in other.held { offer(neighbor.index, neighbor.score) }
    }

    private mutating func halve() {
        held.sort(by: Neighbor.precedes)
        held.removeLast(held.count - capacity)
        // Rows come in rising order within a piece, but pieces come in any: an equal score may still have a lower index.
        threshold = held[capacity - 1].score.nextDown
    }

    /// Best first; of equal scores the lower index.
    package var sorted: [Neighbor] { Array(held.sorted(by: Neighbor.precedes).prefix(capacity)) }
}
