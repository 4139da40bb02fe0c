/// Gradient of ``softmaxRows(_:)``: `dx = p * (dp - sum(p * dp))` for each row.
///
/// - Parameters:
///   - p: what the forward pass gave, `[n, m]`
///   - gradient: dp, `[n, m]`; becomes dx
package func softmaxRowsBackward(_ p: Block, _ gradient: Block) {
    precondition(p.rows == gradient.rows && p.columns == gradient.columns)
    let count = p.columns
    for row in 0..<p.rows {
        let p = p.pointer + row * p.stride
        let d = gradient.pointer + row * gradient.stride
        let mean = dot(p, d, count: count)
        var index = 0
        while index + 8 <= count {
            (Lanes(load: p + index) * (Lanes(load: d + index) - mean)).store(d + index)
            index += 8
        }
        while index < count {
            d[index] = p[index] * (d[index] - mean)
            index += 1
        }
    }
}

/// Gradient of ``rmsNormRows(_:weight:epsilon:into:)``. With r = 1 / sqrt(mean(x^2) + epsilon) and h = dy * weight:
/// `dx += r (h - x r^2 mean(h x))`, `dweight += sum over rows of dy x r`.
///
/// - Parameters:
///   - dOutput: dy, `[n, d]`
///   - input: x of the forward pass, `[n, d]`
///   - weight: `[d]`
///   - dInput: dx, `[n, d]`; added to
///   - dWeight: `[d]`; added to
package func rmsNormRowsBackward(
    _ dOutput: Block, input: Block, weight: UnsafePointer<Float>, epsilon: Float, into dInput: Block,
    dWeight: UnsafeMutablePointer<Float>
) {
    precondition(input.rows == dOutput.rows && input.columns == dOutput.columns)
    precondition(input.rows == dInput.rows && input.columns == dInput.columns)
    let count = input.columns
    for row in 0..<input.rows {
        let x = input.pointer + row * input.stride
        let dy = dOutput.pointer + row * dOutput.stride
        let dx = dInput.pointer + row * dInput.stride
        let inverse = 1 / (sumOfSquares(x, count: count) / Float(count) + epsilon).squareRoot()
        let mean = weightedDot(dy, weight, x, count: count) / Float(count)
        let pull = mean * inverse * inverse
        var index = 0
        while index + 8 <= count {
            let (xs, dys) = (Lanes(load: x + index), Lanes(load: dy + index))
            let step = (dys * Lanes(load: weight + index) - xs * pull) * inverse
            (Lanes(load: dx + index) + step).store(dx + index)
            (Lanes(load: dWeight + index) + dys * xs * inverse).store(dWeight + index)
            index += 8
        }
        while index < count {
            dx[index] += (dy[index] * weight[index] - x[index] * pull) * inverse
            dWeight[index] += dy[index] * x[index] * inverse
            index += 1
        }
    }
}

/// sum(x * y), in f32 with eight partial sums.
package func dot(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, count: Int) -> Float {
    var sums = Lanes.zero
    var index = 0
    while index + 8 <= count {
        sums += Lanes(load: x + index) * Lanes(load: y + index)
        index += 8
    }
    var sum = sums.total
    while index < count {
        sum += x[index] * y[index]
        index += 1
    }
    return sum
}

/// sum(x * w * y), in f32 with eight partial sums.
private func weightedDot(
    _ x: UnsafePointer<Float>, _ w: UnsafePointer<Float>, _ y: UnsafePointer<Float>, count: Int
) -> Float {
    var sums = Lanes.zero
    var index = 0
    while index + 8 <= count {
        sums += Lanes(load: x + index) * Lanes(load: w + index) * Lanes(load: y + index)
        index += 8
    }
    var sum = sums.total
    while index < count {
        sum += x[index] * w[index] * y[index]
        index += 1
    }
    return sum
}

/// y += factor x.
package func add(
    _ x: UnsafePointer<Float>, times factor: Float, to y: UnsafeMutablePointer<Float>, count: Int
) {
    var index = 0
    while index + 8 <= count {
        (Lanes(load: y + index) + Lanes(load: x + index) * factor).store(y + index)
        index += 8
    }
    while index < count {
        y[index] += x[index] * factor
        index += 1
    }
}
