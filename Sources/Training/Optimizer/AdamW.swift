package import CastorNumerics
package import Encoder

/// AdamW with decoupled decay, clipping by the global norm, and parameter groups; the arithmetic of PyTorch's, dense. Groups may
/// leave their matrices to ``Muon``.
///
/// The token embedding is treated by rows: one that never had a gradient has zero moments and is skipped, which changes
/// no bit of the result.
package final class AdamW {
    package struct Options: Sendable, Equatable {
        package var beta1 = 0.9
        package var beta2 = 0.999
        package var epsilon = 1e-8
        /// Momentum of the tensors that Muon updates. The default is 0.95.
        package var momentum = 0.95
        /// Weight decay of matrices. The default is 0.01.
        package var decay = 0.01
        /// Largest global norm of the gradient; the default is 1, nil does not clip.
        package var maxNorm: Double? = 1
        /// The first group that matches a tensor's name counts; a tensor that none matches has the defaults.
        package var groups: [ParameterGroup] = []
        /// Patterns of the tensors that are trained, as of ``ParameterGroup``; what the losses learn always is. The default is all.
        package var trained = ["*"]
        /// Whether embedding rows without a gradient in a step rest: no decay of their values and moments. Cheaper, and
        /// not quite AdamW (PyTorch's SparseAdam does so). The default is no.
        package var restsUntouchedRows = false

        package init() {}

        /// Whether a tensor is trained.
        package func trains(_ name: String) -> Bool {
            guard
                trained == ["*"] || name.hasPrefix("loss.")
                    || trained.contains(where: { ParameterGroup($0).matches(name) })
            else { return false }
            return !(groups.first { $0.matches(name) }?.frozen ?? false)
        }
    }

    package let options: Options
    package let parameters: ParameterStore
    package let firstMoments: ParameterStore
    package let secondMoments: ParameterStore
    /// Updates done.
    package private(set) var stepCount = 0
    private let precision: ProductPrecision
    private let pool: WorkerPool
    private let pieces: [Piece]
    private let embedding: Int?
    private var everTouched: [Bool]

    /// Some values of one tensor, whole rows of the embedding: the unit in which an update is divided among workers.
    private struct Piece {
        let tensor: Int
        let range: Range<Int>
        let group: ParameterGroup
        let decay: Double
        /// Whether all of the tensor is updated at once, by Muon.
        let isMuon: Bool
    }

    private static let valuesPerPiece = 1 << 16

    /// - Parameters:
    ///   - embeddingName: the tensor that is treated by rows
    ///   - precision: of Muon's products
    package init(
        _ parameters: ParameterStore, options: Options, embeddingName: String = "text.embedding.weight",
        precision: ProductPrecision = .single, pool: WorkerPool
    ) {
        self.precision = precision
        self.parameters = parameters
        self.options = options
        self.pool = pool
        firstMoments = ParameterStore(parameters.shapes)
        secondMoments = ParameterStore(parameters.shapes)
        embedding = parameters.index(of: embeddingName)
        everTouched = [Bool](repeating: false, count: embedding.map { parameters.tensors[$0].values.rows } ?? 0)
        var pieces: [Piece] = []
        for (index, tensor) in parameters.tensors.enumerated() {
            let group = options.groups.first { $0.matches(tensor.name) } ?? ParameterGroup("*")
            if !options.trains(tensor.name) { continue }
            let decay = group.decay ?? (tensor.shape.count > 1 ? options.decay : 0)
            let isMuon = group.method == .muon && tensor.shape.count == 2 && index != embedding
            let line = index == embedding ? tensor.values.columns : 8
            let length = max(1, Self.valuesPerPiece / line) * line
            for start in stride(from: 0, to: tensor.values.count, by: length) {
                let range = start..<min(start + length, tensor.values.count)
                pieces.append(Piece(tensor: index, range: range, group: group, decay: decay, isMuon: isMuon))
            }
        }
        self.pieces = pieces
    }

    /// Euclidean norm of the gradient of all trained tensors.
    package func norm(_ gradients: ParameterStore, _ touched: TouchedRows) -> Double {
        let squares = DoubleArray(count: pieces.count)
        pool.run(pieces.count) { index, _ in
            let piece = pieces[index]
            let values = gradients.tensors[piece.tensor].values
            var sum = 0.0
            forEachRun(of: piece, where: { touched.flags[$0] }) { range in
                sum += preciseSumOfSquares(values.pointer + range.lowerBound, count: range.count)
            }
            squares[index] = sum
        }
        var sum = 0.0
        for index in pieces.indices { sum += squares[index] }
        return sum.squareRoot()
    }

    /// One update.
    ///
    /// - Parameters:
    ///   - gradients: zero in every embedding row that is not touched
    ///   - norm: of the gradient times `gradientScale`
    ///   - rate: learning rate
    ///   - gradientScale: factor of every gradient: 1 / n when n of them were added up
    package func update(
        _ gradients: ParameterStore, _ touched: TouchedRows, norm: Double, rate: Double, gradientScale: Double = 1
    ) {
        stepCount += 1
        if embedding != nil {
            for row in touched.rows { everTouched[row] = true }
        }
        let step = AdamWStep(
            rate: rate, beta1: options.beta1, beta2: options.beta2, epsilon: options.epsilon, decay: 0,
            correction1: 1 - power(options.beta1, stepCount), correction2: 1 - power(options.beta2, stepCount),
            gradientScale: gradientScale * (options.maxNorm.map { min(1, $0 / (norm + 1e-6)) } ?? 1))
        pool.run(pieces.count) { index, _ in
            if !pieces[index].isMuon { update(pieces[index], gradients, touched, step) }
        }
        for piece in pieces where piece.isMuon && piece.range.lowerBound == 0 {
            Muon.update(
                parameters.tensors[piece.tensor].values, momentum: firstMoments.tensors[piece.tensor].values,
                gradient: gradients.tensors[piece.tensor].values, rate: rate * piece.group.rateFactor,
                decay: piece.decay, momentum: options.momentum, gradientScale: step.gradientScale, pool,
                precision: precision)
        }
    }

    private func update(_ piece: Piece, _ gradients: ParameterStore, _ touched: TouchedRows, _ shared: AdamWStep) {
        var step = shared
        step.rate *= piece.group.rateFactor
        step.decay = piece.decay
        let p = parameters.tensors[piece.tensor].values.pointer
        let m = firstMoments.tensors[piece.tensor].values.pointer
        let v = secondMoments.tensors[piece.tensor].values.pointer
        let g = gradients.tensors[piece.tensor].values.pointer
        let keep = Float(1 - step.rate * step.decay)
        forEachRun(
            of: piece, where: { options.restsUntouchedRows ? touched.flags[$0] : everTouched[$0] },
            otherwise: { rows in
                if !options.restsUntouchedRows, step.decay != 0 {
                    scale(p + rows.lowerBound, by: keep, count: rows.count)
                }
            },
            { range in
                adamW(
                    p + range.lowerBound, m + range.lowerBound, v + range.lowerBound, g + range.lowerBound,
                    count: range.count, step)
            })
    }

    /// Calls `body` for the values of a piece; in the embedding for runs of rows that `holds` is true of, `otherwise` for the rest.
    private func forEachRun(
        of piece: Piece, where holds: (Int) -> Bool, otherwise: (Range<Int>) -> Void = { _ in },
        _ body: (Range<Int>) -> Void
    ) {
        guard piece.tensor == embedding else { return body(piece.range) }
        let columns = parameters.tensors[piece.tensor].values.columns
        let last = piece.range.upperBound / columns
        var row = piece.range.lowerBound / columns
        while row < last {
            let (start, state) = (row, holds(row))
            while row < last, holds(row) == state { row += 1 }
            if state { body(start * columns..<row * columns) } else { otherwise(start * columns..<row * columns) }
        }
    }

    /// Goes on after `step` updates with moments that were read from a checkpoint. A row whose moments are all zero never had
    /// a gradient, or behaves like one that had none.
    package func resume(step: Int) {
        stepCount = step
        guard let embedding else { return }
        let (m, v) = (firstMoments.tensors[embedding].values, secondMoments.tensors[embedding].values)
        for row in everTouched.indices {
            everTouched[row] = (0..<m.columns).contains { m.row(row)[$0] != 0 || v.row(row)[$0] != 0 }
        }
    }

    /// beta^n by squaring: the same bits on every machine, which `pow` does not promise.
    private func power(_ base: Double, _ exponent: Int) -> Double {
        var (result, base, exponent) = (1.0, base, exponent)
        while exponent > 0 {
            if exponent & 1 == 1 { result *= base }
            base *= base
            exponent >>= 1
        }
        return result
    }
}
