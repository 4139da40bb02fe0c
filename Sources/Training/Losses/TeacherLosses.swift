import CastorNumerics
import Glibc

/// Mean of `1 - cos(y, t)` over the contents that have a teacher vector t. y is the first components of a row or, with a
/// head, a learned linear map of them.
package struct TeacherCosineLoss: Sendable, Equatable {
    package var weight = 1.0
    /// Components of a row that take part. The default, nil, is as many as the teacher has.
    package var size: Int?
    /// Whether a learned matrix `[t, size]` maps them to the teacher's space. Without it, size and teacher must agree. The
    /// default is no.
    package var usesHead = false

    package init() {}

    package static let headName = "loss.teacher_head.weight"

    /// Adds the gradient to that of the rows and of the head.
    ///
    /// - Parameters:
    ///   - rows: `[n, D]`
    ///   - teachers: `[n, t]`
    ///   - head: the matrix and its gradient
    ///   - total: contents with a teacher in the whole batch
    func callAsFunction(
        _ rows: Matrix, teachers: Matrix, head: (weight: Matrix, gradient: Matrix)?, total: Int, gradient: Matrix,
        _ pool: WorkerPool
    ) -> Double {
        let t = teachers.columns
        let input = head?.weight.columns ?? t
        precondition(rows.rows == teachers.rows && input <= rows.columns)
        let x = Block(rows, rows: 0..<rows.rows, columns: 0..<input)
        let mapped = Matrix(rows: rows.rows, columns: t)
        if let head {
            pool.gemm(x, .no, Block(head.weight), .yes, into: Block(mapped))
        } else {
            for row in 0..<rows.rows { mapped.row(row).update(from: rows.row(row), count: t) }
        }
        var loss = 0.0
        for row in 0..<rows.rows {
            loss += oneMinusCosine(mapped.row(row), teachers.row(row), count: t, share: weight / Double(total))
        }
        let dX = Block(gradient, rows: 0..<rows.rows, columns: 0..<input)
        if let head {
            pool.gemm(Block(mapped), .yes, x, .no, into: Block(head.gradient), beta: 1)
            pool.gemm(Block(mapped), .no, Block(head.weight), .no, into: dX, beta: 1)
        } else {
            for row in 0..<rows.rows { add(mapped.row(row), to: gradient.row(row), count: t) }
        }
        return loss
    }

    /// `share (1 - cos(y, t))`; y becomes its gradient, `-share (t / |t| - cos y / |y|) / |y|`.
    private func oneMinusCosine(
        _ y: UnsafeMutablePointer<Float>, _ t: UnsafePointer<Float>, count: Int, share: Double
    ) -> Double {
        var (product, squareY, squareT) = (0.0, 0.0, 0.0)
        for index in 0..<count {
            product += Double(y[index]) * Double(t[index])
            squareY += Double(y[index]) * Double(y[index])
            squareT += Double(t[index]) * Double(t[index])
        }
        guard squareY > 0, squareT > 0 else {
            y.update(repeating: 0, count: count)
            return share
        }
        let inverse = 1 / (squareY * squareT).squareRoot()
        let cosine = product * inverse
        let (towardTeacher, fromSelf) = (Float(-share * inverse), Float(share * cosine / squareY))
        for index in 0..<count { y[index] = t[index] * towardTeacher + y[index] * fromSelf }
        return share * (1 - cosine)
    }
}

/// How far the cosines of the batch's contents, with each other or with the teacher's vectors, are from those of the teacher's vectors
/// with each other.
package struct TeacherSimilarityLoss: Sendable, Equatable {
    package enum Distance: Sendable, Equatable {
        /// Mean of (s_ij - t_ij)^2.
        case meanSquare
        /// Mean over i of KL(softmax_j(t_ij / temperature) || softmax_j(s_ij / temperature)).
        case divergence(temperature: Double)
    }

    /// What the contents' cosines s_ij are with.
    package enum Candidates: String, Sendable, Equatable, CaseIterable, Codable {
        /// The batch's contents, j != i, at every size. An offset that all contents share is not seen.
        case batch
        /// The teacher's vectors, j = i among them, at the teacher's size. They do not move, so that nothing hides in an offset.
        case teacher
        /// The sum of both: the teacher's vectors hold the origin, the batch's cosines the order of neighbours.
        case both
    }

    package var weight = 1.0
    package var distance = Distance.meanSquare
    package var candidates = Candidates.batch

    package init() {}

    /// - Parameters:
    ///   - rows: `[n, D]`
    ///   - teachers: `[n, t]`
    func callAsFunction(
        _ rows: Matrix, teachers: Matrix, levels: [MatryoshkaLevel], gradient: Matrix, _ pool: WorkerPool
    ) -> Double {
        guard rows.rows > 1 else { return 0 }
        let unit = unitRows(teachers)
        var loss = 0.0
        if candidates != .teacher { loss += distances(rows, unit, isAnchored: false, levels, gradient, pool) }
        if candidates != .batch { loss += distances(rows, unit, isAnchored: true, levels, gradient, pool) }
        return loss
    }

    /// - Parameters:
    ///   - unit: the teacher's vectors, of length 1
    ///   - isAnchored: whether cosines are with these and not with the batch's rows
    private func distances(
        _ rows: Matrix, _ unit: Matrix, isAnchored: Bool, _ levels: [MatryoshkaLevel], _ gradient: Matrix,
        _ pool: WorkerPool
    ) -> Double {
        let n = rows.rows
        precondition(!isAnchored || unit.columns <= rows.columns)
        let student = PrefixRows(rows, gradient: gradient, sizes: isAnchored ? [unit.columns] : levels.map(\.size))
        let other =
            isAnchored
            ? PrefixRows(unit, gradient: Matrix(rows: n, columns: unit.columns), sizes: student.sizes) : student
        let target = Matrix(rows: min(n, CosineMatrix.rowsPerBlock), columns: n)
        let result = CosineMatrix(a: student, b: other, pool: pool)(
            willStart: { rows in
                pool.gemm(Block(unit[rows]), .no, Block(unit), .yes, into: Block(target[0..<rows.count]))
            },
            { k, i, s, ds in
                let t = target.row(i % CosineMatrix.rowsPerBlock)
                let share = weight * (isAnchored ? 1 : levels[k].weight)
                return rowLoss(without: isAnchored ? nil : i, t, s, ds, count: n, share: share)
            })
        student.finish()
        return result.loss
    }

    private func rowLoss(
        without i: Int?, _ t: UnsafePointer<Float>, _ s: UnsafePointer<Float>, _ ds: UnsafeMutablePointer<Float>,
        count: Int,
        share: Double
    ) -> Double {
        switch distance {
        case .meanSquare:
            let factor = share / (Double(count) * Double(i == nil ? count : count - 1))
            var sum = 0.0
            for j in 0..<count {
                let difference = j == i ? 0 : s[j] - t[j]
                sum += Double(difference) * Double(difference)
                ds[j] = Float(2 * factor) * difference
            }
            return factor * sum
        case .divergence(let temperature):
            let factor = share / Double(count)
            return withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { buffer in
                let target = buffer.baseAddress!
                let (logT, sumT) = exponentials(t, i, 1 / temperature, into: target, count)
                let (logS, sumS) = exponentials(s, i, 1 / temperature, into: ds, count)
                var sum = 0.0
                for j in 0..<count { sum += Double(target[j]) * Double(t[j] - s[j]) }
                let (scaleT, scaleS) = (Float(factor / (temperature * sumT)), Float(factor / (temperature * sumS)))
                for j in 0..<count { ds[j] = scaleS * ds[j] - scaleT * target[j] }
                return factor * (sum / (temperature * sumT) + logS - logT)
            }
        }
    }

    /// `into` = e^(scale (x - m)), m the largest of x; 0 at `i`, which does not count. Returns the logarithm of the sum of e^(scale x), and the sum of `into`.
    private func exponentials(
        _ x: UnsafePointer<Float>, _ i: Int?, _ scale: Double, into y: UnsafeMutablePointer<Float>, _ count: Int
    ) -> (logarithm: Double, sum: Double) {
        var largest = -Float.infinity
        for j in 0..<count where j != i { largest = max(largest, x[j]) }
        CastorNumerics.exponentials(x, minus: largest, times: Float(scale), into: y, count: count)
        if let i { y[i] = 0 }
        var sum = 0.0
        for j in 0..<count { sum += Double(y[j]) }
        return (scale * Double(largest) + Glibc.log(sum), sum)
    }

    private func unitRows(_ rows: Matrix) -> Matrix {
        let unit = rows.copy()
        for row in 0..<unit.rows {
            let square = preciseSumOfSquares(unit.row(row), count: unit.columns)
            scale(unit.row(row), by: square > 0 ? Float(1 / square.squareRoot()) : 0, count: unit.columns)
        }
        return unit
    }
}
