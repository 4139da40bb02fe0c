/// The best few of every query, fed one score at a time in any order: better first, of equal scores the lower index.
///
/// The memory is shared and unsynchronised: one thread feeds it.
final class NearestLists: @unchecked Sendable {
    private let queries: Int
    private let depth: Int
    private let scores: UnsafeMutablePointer<Float>
    private let indices: UnsafeMutablePointer<Int32>
    /// Of each query, the last score of its list: what is lower need not be offered.
    let thresholds: UnsafeMutablePointer<Float>

    init(queries: Int, depth: Int) {
        (self.queries, self.depth) = (queries, depth)
        scores = .allocate(capacity: queries * depth)
        scores.initialize(repeating: -.infinity, count: queries * depth)
        indices = .allocate(capacity: queries * depth)
        indices.initialize(repeating: .max, count: queries * depth)
        thresholds = .allocate(capacity: queries)
        thresholds.initialize(repeating: -.infinity, count: queries)
    }

    deinit {
        scores.deallocate()
        indices.deallocate()
        thresholds.deallocate()
    }

    func offer(_ score: Float, _ index: Int, to query: Int) {
        let (list, places) = (scores + query * depth, indices + query * depth)
        let item = Int32(truncatingIfNeeded: index)
        var place = depth
        while place > 0, score > list[place - 1] || (score == list[place - 1] && item < places[place - 1]) {
            place -= 1
        }
        guard place < depth else { return }
        for later in stride(from: depth - 1, to: place, by: -1) {
            (list[later], places[later]) = (list[later - 1], places[later - 1])
        }
        (list[place], places[place]) = (score, item)
        thresholds[query] = list[depth - 1]
    }

    /// The best of several lists of the same queries, each of which saw other pairs.
    static func merged(_ lists: [NearestLists]) -> [[Int]] {
        (0..<lists[0].queries).map { query in
            var all: [(score: Float, index: Int32)] = []
            for list in lists {
                for place in query * list.depth..<(query + 1) * list.depth where list.indices[place] != .max {
                    all.append((list.scores[place], list.indices[place]))
                }
            }
            all.sort { $0.score > $1.score || ($0.score == $1.score && $0.index < $1.index) }
            return all.prefix(lists[0].depth).map { Int($0.index) }
        }
    }
}
