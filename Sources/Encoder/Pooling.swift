import CastorNumerics
import Glibc

/// How the tokens of one content are averaged: alike, or, where the model has pooling logits, by what a token of each modality weighs
/// (docs/model.md section 6).
///
/// A picture has ten times the tokens of its caption, and each of them ten times the weight after the head: in a plain mean the caption
/// would not be heard.
struct Pooling: Sendable {
    /// Tokens that weigh the same.
    struct Part: Sendable {
        let rows: Range<Int>
        let modality: Modality
        /// Of the content's mean, all its tokens together.
        let share: Float
    }

    let parts: [Part]
    /// Means of the parts' tokens, `[parts, d]`; nil where there is one part.
    private let means: Matrix?

    /// - Parameters:
    ///   - firstRow: of the content's tokens in the joined matrix
    ///   - logits: `[5]`, or nil for a plain mean
    ///   - width: d
    init(_ content: EncoderInput, firstRow: Int, _ logits: Matrix?, width: Int) {
        let segments = content.segments.filter { $0.tokenCount > 0 }
        var row = firstRow
        guard let logits, Set(segments.map(\.modality)).count > 1 else {
            let all = row..<row + content.tokenCount
            parts = [Part(rows: all, modality: segments.first?.modality ?? .text, share: 1)]
            means = nil
            return
        }
        // As in a softmax, the largest is taken away first.
        let largest = segments.map { logits.pointer[$0.modality.rawValue] }.max()!
        let weights = segments.map { Float($0.tokenCount) * exp(logits.pointer[$0.modality.rawValue] - largest) }
        let sum = weights.reduce(0, +)
        var parts: [Part] = []
        for (segment, weight) in zip(segments, weights) {
            parts.append(
                Part(rows: row..<row + segment.tokenCount, modality: segment.modality, share: weight / sum))
            row += segment.tokenCount
        }
        self.parts = parts
        means = Matrix(rows: parts.count, columns: width)
    }

    var rows: Range<Int> { parts[0].rows.lowerBound..<parts[parts.count - 1].rows.upperBound }

    /// The weighted mean of the content's rows of `normed`.
    func forward(_ normed: Matrix, into mean: UnsafeMutablePointer<Float>, _ scratch: Scratch) {
        let d = normed.columns
        let partial = scratch.take(rows: 1, columns: d)
        guard let means else {
            return meanOfRows(Block(normed[rows]), partial: partial.pointer, into: mean)
        }
        mean.update(repeating: 0, count: d)
        for (index, part) in parts.enumerated() {
            meanOfRows(Block(normed[part.rows]), partial: partial.pointer, into: means.row(index))
            add(means.row(index), times: part.share, to: mean, count: d)
        }
    }

    /// Adds the gradient of the logits, `[5]`: `d share_i = share_i (dmean mean_i - dmean mean)` by the softmax.
    func backward(
        _ dMean: UnsafePointer<Float>, mean: UnsafePointer<Float>, count: Int, dLogits: UnsafeMutablePointer<Float>
    ) {
        guard let means else { return }
        let whole = dot(dMean, mean, count: count)
        for (index, part) in parts.enumerated() {
            dLogits[part.modality.rawValue] += part.share * (dot(dMean, means.row(index), count: count) - whole)
        }
    }
}
