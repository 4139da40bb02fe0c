/// The plane in which vectors differ most, for people to look at: the two axes of largest variance.
package enum PrincipalAxes {
    /// Enough for axes that nobody sees move any more; each goes through all vectors once.
    private static let rounds = 24

    /// Coordinates of each vector on both axes, divided by the largest of all, so that they lie in -1...1.
    ///
    /// The same vectors give the same plane: the iteration begins at axes that depend on nothing.
    ///
    /// - Parameter vectors: `[count, size]`
    package static func plane(of vectors: [Float], size: Int) -> [(x: Float, y: Float)] {
        precondition(size > 0 && vectors.count % size == 0)
        let count = vectors.count / size
        guard count > 1 else { return Array(repeating: (0, 0), count: count) }
        let mean = mean(vectors, size, count)
        var axes: [[Float]] = []
        for number in 0..<min(2, size) {
            var axis = (0..<size).map { Float(($0 &* 2_654_435_761 &+ number &* 40_503) & 1_023) / 1_024 - 0.5 }
            for _ in 0..<rounds {
                remove(axes, from: &axis)
                guard normalise(&axis) else { break }
                axis = covariance(vectors, mean, times: axis, size, count)
            }
            remove(axes, from: &axis)
            // Vectors that do not differ any more have no further axis.
            if !normalise(&axis) { axis = Array(repeating: 0, count: size) }
            axes.append(axis)
        }
        if axes.count == 1 { axes.append(Array(repeating: 0, count: size)) }
        let offsets = axes.map { dot($0, mean) }
        var points: [(x: Float, y: Float)] = []
        points.reserveCapacity(count)
        var largest: Float = 0
        for row in 0..<count {
            let point = (
                x: dot(axes[0], vectors, row * size) - offsets[0], y: dot(axes[1], vectors, row * size) - offsets[1]
            )
            // What is no number has no place.
            let isPlaced = point.x.isFinite && point.y.isFinite
            points.append(isPlaced ? point : (0, 0))
            if isPlaced { largest = max(largest, abs(point.x), abs(point.y)) }
        }
        guard largest > 0 else { return Array(repeating: (0, 0), count: count) }
        return points.map { ($0.x / largest, $0.y / largest) }
    }

    private static func mean(_ vectors: [Float], _ size: Int, _ count: Int) -> [Float] {
        var sum = Array(repeating: 0.0, count: size)
        for row in 0..<count {
            for index in 0..<size { sum[index] += Double(vectors[row * size + index]) }
        }
        return sum.map { Float($0 / Double(count)) }
    }

    /// The covariance matrix is never made: it would have as many values as the square of the size.
    private static func covariance(
        _ vectors: [Float], _ mean: [Float], times axis: [Float], _ size: Int, _ count: Int
    ) -> [Float] {
        var result = Array(repeating: Float(0), count: size)
        let offset = dot(axis, mean)
        var total: Float = 0
        vectors.withUnsafeBufferPointer { vectors in
            result.withUnsafeMutableBufferPointer { result in
                for row in 0..<count {
                    let start = row * size
                    var share: Float = 0
                    for index in 0..<size { share += axis[index] * vectors[start + index] }
                    share -= offset
                    total += share
                    for index in 0..<size { result[index] += share * vectors[start + index] }
                }
                for index in 0..<size { result[index] -= total * mean[index] }
            }
        }
        return result
    }

    private static func dot(_ axis: [Float], _ vectors: [Float], _ start: Int = 0) -> Float {
        var sum = 0.0
        for index in axis.indices { sum += Double(axis[index]) * Double(vectors[start + index]) }
        return Float(sum)
    }

    private static func remove(_ others: [[Float]], from axis: inout [Float]) {
        for other in others {
            let share = dot(other, axis)
            for index in axis.indices { axis[index] -= share * other[index] }
        }
    }

    /// False where there is nothing left of it but rounding.
    private static func normalise(_ axis: inout [Float]) -> Bool {
        let length = dot(axis, axis).squareRoot()
        guard length.isFinite, length > 1e-7 else { return false }
        for index in axis.indices { axis[index] /= length }
        return true
    }
}
