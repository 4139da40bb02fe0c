import CastorNumerics

/// Memory of one forward pass after the other, and of the backward pass that may follow each. It grows to the largest batch.
///
/// A pass overwrites what the last one left.
package final class PassMemory: @unchecked Sendable {
    /// What a forward pass leaves for a backward pass.
    package enum Keeping: Sendable, CaseIterable {
        /// Nothing: inference.
        case nothing
        /// What enters each block; the rest is computed again, for about a third more arithmetic.
        case blockInputs
        /// All that the backward pass reads.
        case everything
    }

    package let keeping: Keeping
    private let shared = Place.allCases.map { _ in Scratch() }
    private var kept: [Scratch] = []
    private var keptCount = 0

    package init(_ keeping: Keeping) {
        self.keeping = keeping
    }

    /// Bytes held.
    package var byteCount: Int {
        (shared + kept).reduce(0) { $0 + $1.byteCount }
    }

    /// Forgets the last pass.
    func start() {
        keptCount = 0
    }

    /// Takes what an inference over a batch needs, before it begins. What is kept for a backward pass grows as it comes.
    ///
    /// - Parameters:
    ///   - joined: tokens of all contents
    ///   - tower: tokens of the tower that has most
    func reserve(joined: Int, tower: Int, _ configuration: Configuration) throws(OutOfMemory) {
        guard keeping == .nothing else { return }
        let (d, rows) = (configuration.width, max(joined, tower))
        for (place, rows, columns) in [
            (.joined, joined, d), (.tokens, tower, d), (.cosine, rows, configuration.headSize / 2),
            (.sine, rows, configuration.headSize / 2), (.normed, rows, d), (.qkv, rows, 3 * d), (.context, rows, d),
            (.up, rows, configuration.widestMLP),
        ] as [(Place, Int, Int)] {
            try shared[place.rawValue].reserve(rows: rows, columns: columns)
        }
    }

    /// The parts' tokens side by side, `[T, d]`.
    func joined(rows: Int, columns: Int) -> Matrix {
        take(.joined, keeping != .nothing, rows, columns)
    }

    /// The tokens of one tower, `[T, d]`.
    func tokens(rows: Int, columns: Int) -> Matrix {
        take(.tokens, keeping != .nothing, rows, columns)
    }

    func angles(rows: Int, pairs: Int) -> RotaryAngles {
        let keeps = keeping != .nothing
        return RotaryAngles(
            cosine: take(.cosine, keeps, rows, pairs), sine: take(.sine, keeps, rows, pairs))
    }

    /// Where the head's norm goes, `[T, d]`.
    func headNormed(_ x: Matrix) -> Matrix {
        keeping == .nothing ? x : take(.normed, false, x.rows, x.columns)
    }

    /// For a block that reads `x`. Inference writes the block's output over its input and both norms to one place, and
    /// computes GELU in place.
    ///
    /// - Parameter mlp: width of the block's MLP
    func activations(_ x: Matrix, mlp: Int) -> BlockActivations {
        let (rows, d) = (x.rows, x.columns)
        let all = keeping == .everything
        let normed = take(.normed, all, rows, d)
        let up = take(.up, all, rows, mlp)
        let distinct = keeping != .nothing
        return BlockActivations(
            input: x, normed: normed, qkv: take(.qkv, all, rows, 3 * d), context: take(.context, all, rows, d),
            middle: distinct ? take(.middle, all, rows, d) : x,
            mlpNormed: distinct ? take(.mlpNormed, all, rows, d) : normed, up: up,
            hidden: distinct ? take(.hidden, all, rows, mlp) : up,
            output: distinct ? take(.output, true, rows, d) : x)
    }

    /// For the backward pass of a stack's blocks, whose MLPs have this width.
    func gradients(rows: Int, width d: Int, mlp: Int) -> BlockGradients {
        BlockGradients(
            up: take(.dUp, false, rows, mlp), normed: take(.dNormed, false, rows, d),
            context: take(.dContext, false, rows, d), qkv: take(.dQKV, false, rows, 3 * d))
    }

    /// Gradients of the joined tokens and of one tower's tokens, `[T, d]`.
    func dJoined(rows: Int, columns: Int) -> Matrix { take(.dJoined, false, rows, columns) }
    func dTokens(rows: Int, columns: Int) -> Matrix { take(.dTokens, false, rows, columns) }

    private enum Place: Int, CaseIterable {
        case joined, tokens, cosine, sine, normed, qkv, context, middle, mlpNormed, up, hidden, output
        case dJoined, dTokens, dUp, dNormed, dContext, dQKV
    }

    private func take(_ place: Place, _ keeps: Bool, _ rows: Int, _ columns: Int) -> Matrix {
        guard keeps else { return shared[place.rawValue].take(rows: rows, columns: columns) }
        if keptCount == kept.count { kept.append(Scratch()) }
        keptCount += 1
        return kept[keptCount - 1].take(rows: rows, columns: columns)
    }
}

extension PassMemory {
    /// Bytes of a forward and backward pass over `tokens` tokens of one tower, beside the weights, their gradients, and the
    /// attention scores (2 MiB a thread at most for 8,192 tokens).
    package static func byteCount(
        tokens: Int, tower: Configuration.Tower = .text, _ keeping: Keeping, _ configuration: Configuration
    ) -> Int {
        let d = configuration.width
        let mlp = max(configuration.mlpWidth(of: tower), configuration.mlpWidth(of: .unified))
        let blocks = configuration.blocks(of: tower) + configuration.unified.blocks
        let inner = 7 * d + 2 * mlp
        let angles = configuration.headSize
        let perToken =
            switch keeping {
            case .nothing: 2 * d + angles + 5 * d + mlp
            case .blockInputs: 2 * d + 2 * angles + blocks * d + inner + gradients(d, mlp)
            case .everything: 2 * d + 2 * angles + blocks * (d + inner) + d + gradients(d, mlp)
            }
        return tokens * perToken * MemoryLayout<Float>.stride
    }

    private static func gradients(_ d: Int, _ mlp: Int) -> Int { 7 * d + mlp }
}
