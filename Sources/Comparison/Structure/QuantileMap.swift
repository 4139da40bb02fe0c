/// Scores of one system as those of another: equal quantiles are equal scores, straight lines between them. It keeps every order;
/// what it changes is where a threshold lies.
package struct QuantileMap: Sendable, Equatable, Codable {
    /// Ascending.
    package var from: [Double]
    package var to: [Double]

    package static let steps = 100

    /// - Parameter pairs: scores of the same pairs of items; at least one
    package init(_ pairs: [(from: Double, to: Double)]) {
        precondition(!pairs.isEmpty)
        func quantiles(_ values: [Double]) -> [Double] {
            let sorted = values.sorted()
            return (0...Self.steps).map { step in
                let place = Double(step) / Double(Self.steps) * Double(sorted.count - 1)
                let low = Int(place)
                let high = min(low + 1, sorted.count - 1)
                return sorted[low] + (place - Double(low)) * (sorted[high] - sorted[low])
            }
        }
        from = quantiles(pairs.map(\.from))
        to = quantiles(pairs.map(\.to))
    }

    package func callAsFunction(_ score: Double) -> Double {
        guard score > from[0] else { return to[0] }
        guard let above = from.firstIndex(where: { $0 >= score }) else { return to[to.count - 1] }
        let (x0, x1) = (from[above - 1], from[above])
        return to[above - 1] + (x1 > x0 ? (score - x0) / (x1 - x0) : 1) * (to[above] - to[above - 1])
    }
}
