/// Limited-memory BFGS (Nocedal and Wright, Numerical Optimization, algorithm 7.5) for smooth convex functions, with a line search
/// by bisection for the weak Wolfe conditions (Lewis and Overton 2013): no randomness, no derivatives beyond the gradient.
struct LBFGS {
    var maxIterations = 1000
    /// Ends when no component of the gradient is larger.
    var tolerance = 1e-5
    /// Pairs of steps and gradient changes that model the curvature.
    var history = 10

    struct Outcome: Equatable {
        var iterations: Int
        var converged: Bool
    }

    private static let sufficientDecrease = 1e-4
    private static let curvature = 0.9
    private static let maxTrials = 40

    /// - Parameters:
    ///   - x: the start; the minimum afterwards.
    ///   - function: value at a point; writes the gradient.
    func minimize(_ x: inout [Double], _ function: ([Double], inout [Double]) -> Double) -> Outcome {
        var gradient = [Double](repeating: 0, count: x.count)
        var value = function(x, &gradient)
        var steps: [[Double]] = []
        var changes: [[Double]] = []
        for iteration in 0..<maxIterations {
            if gradient.allSatisfy({ abs($0) <= tolerance }) { return Outcome(iterations: iteration, converged: true) }
            var direction = descent(gradient, steps, changes)
            var slope = dot(direction, gradient)
            if !(slope < 0) {
                (steps, changes) = ([], [])
                direction = gradient.map { -$0 }
                slope = dot(direction, gradient)
            }
            // Without curvature known, a step of length 1 at most.
            let first = steps.isEmpty ? min(1, 1 / dot(gradient, gradient).squareRoot()) : 1
            guard let next = search(from: x, value, direction, slope, first, function) else {
                // Rounding hides any further decrease.
                return Outcome(iterations: iteration, converged: false)
            }
            let step = difference(next.point, x)
            let change = difference(next.gradient, gradient)
            (x, value, gradient) = (next.point, next.value, next.gradient)
            if dot(step, change) > 1e-10 * dot(change, change) {
                steps.append(step)
                changes.append(change)
                if steps.count > history {
                    steps.removeFirst()
                    changes.removeFirst()
                }
            }
        }
        return Outcome(iterations: maxIterations, converged: gradient.allSatisfy { abs($0) <= tolerance })
    }

    /// -H g by the two-loop recursion.
    private func descent(_ gradient: [Double], _ steps: [[Double]], _ changes: [[Double]]) -> [Double] {
        var q = gradient.map { -$0 }
        guard let lastStep = steps.last, let lastChange = changes.last else { return q }
        var alphas = [Double](repeating: 0, count: steps.count)
        for index in steps.indices.reversed() {
            alphas[index] = dot(steps[index], q) / dot(steps[index], changes[index])
            accumulate(-alphas[index], changes[index], into: &q)
        }
        let scale = dot(lastStep, lastChange) / dot(lastChange, lastChange)
        for index in q.indices { q[index] *= scale }
        for index in steps.indices {
            let beta = dot(changes[index], q) / dot(steps[index], changes[index])
            accumulate(alphas[index] - beta, steps[index], into: &q)
        }
        return q
    }

    private struct Point {
        var point: [Double]
        var value: Double
        var gradient: [Double]
    }

    private func search(
        from x: [Double], _ value: Double, _ direction: [Double], _ slope: Double, _ first: Double,
        _ function: ([Double], inout [Double]) -> Double
    ) -> Point? {
        var (low, high, length) = (0.0, Double.infinity, first)
        var best: Point?
        var trial = Point(point: x, value: 0, gradient: x)
        for _ in 0..<Self.maxTrials {
            trial.point = x
            accumulate(length, direction, into: &trial.point)
            trial.value = function(trial.point, &trial.gradient)
            if !(trial.value <= value + Self.sufficientDecrease * length * slope) {
                high = length
            } else {
                best = trial
                if dot(trial.gradient, direction) >= Self.curvature * slope { return trial }
                low = length
            }
            length = high < .infinity ? (low + high) / 2 : 2 * low
        }
        return best
    }
}

private func dot(_ a: [Double], _ b: [Double]) -> Double {
    a.withUnsafeBufferPointer { a in
        b.withUnsafeBufferPointer { b in
            var sums = SIMD4<Double>.zero
            var index = 0
            while index + 4 <= a.count {
                let x = UnsafeRawPointer(a.baseAddress! + index).loadUnaligned(as: SIMD4<Double>.self)
                let y = UnsafeRawPointer(b.baseAddress! + index).loadUnaligned(as: SIMD4<Double>.self)
                sums += x * y
                index += 4
            }
            var sum = sums.sum()
            while index < a.count {
                sum += a[index] * b[index]
                index += 1
            }
            return sum
        }
    }
}

/// y += factor x.
private func accumulate(_ factor: Double, _ x: [Double], into y: inout [Double]) {
    x.withUnsafeBufferPointer { x in
        y.withUnsafeMutableBufferPointer { y in
            for index in 0..<x.count { y[index] += factor * x[index] }
        }
    }
}

private func difference(_ a: [Double], _ b: [Double]) -> [Double] {
    var result = a
    accumulate(-1, b, into: &result)
    return result
}
