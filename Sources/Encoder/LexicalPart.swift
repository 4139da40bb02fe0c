package import CastorNumerics
import Glibc

/// Which pieces a content's texts are made of, beside what they mean: values of the vector behind the projection's (docs/model.md section 6).
///
/// Names and words that training never saw are found by themselves. Pieces are counted into sketches by a hash that also turns their sign (Charikar,
/// Chen and Farach-Colton 2002, "Finding Frequent Items in Data Streams"), so that products of sketches are nearly those of the counts.
package struct LexicalPart: Codable, Sendable, Equatable {
    /// Values of each sketch; a vector's prefix holds the first ones.
    package var widths: [Int]
    /// What each counts for in the square of the part's length; together 1.
    package var weights: [Double]
    /// Of the square of the length of a vector of a content with texts; above 0 and below 1.
    package var share: Double
    /// Ids at the beginning of a text that are not said by it: names of tasks.
    package var prompts: [[Int32]]

    package init(widths: [Int], weights: [Double], share: Double, prompts: [[Int32]]) {
        self.widths = widths
        self.weights = weights
        self.share = share
        self.prompts = prompts
    }

    package var count: Int { widths.reduce(0, +) }

    /// The part of a content with these texts, of length 1; false, and zeros, where they have no piece that counts.
    ///
    /// - Parameters:
    ///   - texts: ids of each, all of them below `rarity`'s number of columns
    ///   - rarity: `[1, vocabulary size]`, what an occurrence of a piece counts
    ///   - output: room for ``count`` values
    func sketch(_ texts: [[Int32]], _ rarity: Matrix, into output: UnsafeMutablePointer<Float>) -> Bool {
        output.update(repeating: 0, count: count)
        var counts: [Int32: Int] = [:]
        for ids in texts {
            for id in ids.dropFirst(promptLength(of: ids)) where rarity.pointer[Int(id)] != 0 {
                counts[id, default: 0] += 1
            }
        }
        // In one order, so that equal contents have equal bits.
        for (id, count) in counts.sorted(by: { $0.key < $1.key }) {
            let value = Double(count).squareRoot() * Double(rarity.pointer[Int(id)])
            var start = 0
            for (index, (width, weight)) in zip(widths, weights).enumerated() {
                let hash = HashedBigrams.hash(UInt32(bitPattern: id), UInt32(index + 1))
                let place = start + Int(hash >> 1) % width
                output[place] += Float((hash & 1 == 0 ? value : -value) * weight.squareRoot())
                start += width
            }
        }
        let length = preciseSumOfSquares(output, count: count).squareRoot()
        guard length > 0 else { return false }
        for index in 0..<count { output[index] = Float(Double(output[index]) / length) }
        return true
    }

    /// What the part is multiplied with beside `length`, the length of the others.
    func factor(besideLength length: Double) -> Double { length * (share / (1 - share)).squareRoot() }

    private func promptLength(of ids: [Int32]) -> Int {
        prompts.lazy.filter { ids.starts(with: $0) }.map(\.count).max() ?? 0
    }

    func check(vocabularySize: Int, outputDimensions: Int) throws(ModelError) {
        func require(_ holds: Bool, _ key: String, _ reason: @autoclosure () -> String) throws(ModelError) {
            guard holds else { throw .configuration(key: "text.lexical.\(key)", reason: reason()) }
        }
        try require((1...16).contains(widths.count), "widths", "holds \(widths.count) sketches, not 1 to 16")
        for width in widths { try require((1...65_536).contains(width), "widths", "\(width) is outside 1...65536") }
        try require(
            count < outputDimensions, "widths",
            "\(count) values together leave none of output_dimensions, \(outputDimensions)")
        try require(weights.count == widths.count, "weights", "holds \(weights.count) for \(widths.count) widths")
        try require(
            weights.allSatisfy { $0 > 0 && $0 <= 1 }, "weights", "holds a number that is not above 0 and at most 1")
        try require(abs(weights.reduce(0, +) - 1) < 1e-6, "weights", "are not 1 together")
        try require(share > 0 && share < 1, "share", "\(share) is not between 0 and 1")
        try require(prompts.count <= 64, "prompts", "holds \(prompts.count), more than 64")
        for ids in prompts {
            try require((1...64).contains(ids.count), "prompts", "holds one of \(ids.count) ids, not 1 to 64")
            for id in ids {
                try require(
                    id >= 0 && id < vocabularySize, "prompts", "\(id) is outside 0...\(vocabularySize - 1)")
            }
        }
    }
}

/// A model's lexical part with its numbers.
package struct LexicalWeights: Sendable {
    package let part: LexicalPart
    /// `[1, vocabulary size]`, what an occurrence of a piece counts; no gradient
    package let rarity: Matrix
}

extension EncoderPass {
    /// `[n, output dimensions]` of `[n, projected]`: the projection's values, and the lexical part of contents with texts.
    func joinLexical(_ projected: Matrix, _ batch: [EncoderInput], _ weights: LexicalWeights?, into rows: Matrix) {
        let part = configuration.text.lexical
        pool.run(batch.count) { index, _ in
            let row = rows.row(index)
            row.update(from: projected.row(index), count: projected.columns)
            let lexical = row + projected.columns
            let texts = batch[index].segments.compactMap(\.ids)
            guard let part, let weights, !texts.isEmpty, part.sketch(texts, weights.rarity, into: lexical) else {
                return lexical.update(repeating: 0, count: rows.columns - projected.columns)
            }
            let length = preciseSumOfSquares(row, count: projected.columns).squareRoot()
            scale(lexical, by: Float(part.factor(besideLength: length)), count: rows.columns - projected.columns)
        }
    }

    /// The gradient of the projection's values, `[n, projected]`: the lexical part, as long as they ask for, has one with regard to their length.
    func lexicalBackward(_ rows: Matrix, _ dRows: Matrix, projected: Int) -> Matrix {
        let dProjected = Matrix(rows: rows.rows, columns: projected)
        let lexical = rows.columns - projected
        for index in 0..<rows.rows {
            dProjected.row(index).update(from: dRows.row(index), count: projected)
            let squares = preciseSumOfSquares(rows.row(index), count: projected)
            guard squares > 0 else { continue }
            let along = Double(dot(rows.row(index) + projected, dRows.row(index) + projected, count: lexical))
            add(rows.row(index), times: Float(along / squares), to: dProjected.row(index), count: projected)
        }
        return dProjected
    }
}
