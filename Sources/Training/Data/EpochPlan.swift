/// The batches of one pass over a data set: a pure function of its rows, the batch size and the seed.
///
/// Every row is in exactly one batch. Rows are shuffled; windows of several batches are sorted by length and cut, so that
/// a batch holds contents of like length; and the batches are shuffled. Batches differ by at most one row in size: a
/// short last one would be a contrastive batch of few negatives.
package struct EpochPlan: Sendable {
    private let order: [Int32]
    private let batches: [Int32]

    package var batchCount: Int { batches.count }

    /// - Parameters:
    ///   - rows: what is drawn from
    ///   - tokens: length of each of them
    ///   - batchSize: rows of a batch, at most
    ///   - window: batches that are sorted together; 1 does not sort
    package init(
        rows: [Int32], tokens: (Int32) -> Int32, batchSize: Int, window: Int, order: SeededGenerator,
        batchOrder: SeededGenerator
    ) {
        precondition(batchSize > 0 && window > 0)
        var (order, batchOrder) = (order, batchOrder)
        var shuffled = rows
        shuffled.shuffle(with: &order)
        let count = Self.batchCount(rows: rows.count, batchSize: batchSize)
        if window > 1 {
            for first in stride(from: 0, to: count, by: window) {
                let last = min(first + window, count)
                let range = rows.count * first / count..<rows.count * last / count
                // The place in the shuffled order decides between equal lengths.
                let keys = range.map { UInt64(UInt32(bitPattern: tokens(shuffled[$0]))) << 32 | UInt64($0) }.sorted()
                let sorted = keys.map { shuffled[Int($0 & 0xffff_ffff)] }
                shuffled.replaceSubrange(range, with: sorted)
            }
        }
        var batches = (0..<Int32(count)).map { $0 }
        batches.shuffle(with: &batchOrder)
        self.order = shuffled
        self.batches = batches
    }

    package static func batchCount(rows: Int, batchSize: Int) -> Int { (rows + batchSize - 1) / batchSize }

    /// The rows of a batch.
    package subscript(batch: Int) -> ArraySlice<Int32> {
        let place = Int(batches[batch])
        return order[order.count * place / batches.count..<order.count * (place + 1) / batches.count]
    }
}

extension Array {
    /// Fisher-Yates, written out: the standard library may change its own.
    fileprivate mutating func shuffle(with random: inout SeededGenerator) {
        for index in stride(from: count - 1, to: 0, by: -1) { swapAt(index, random.next(below: index + 1)) }
    }
}
