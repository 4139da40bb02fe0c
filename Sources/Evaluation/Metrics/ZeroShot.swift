package import CastorNumerics
import Vectors

/// Zero-shot classification (Radford et al. 2021): an item belongs to the class whose name's vector is nearest.
package enum ZeroShot {
    /// One vector a class: the mean over its templates' vectors, of unit length.
    ///
    /// - Parameter texts: `[classes * templates, d]`, the templates of a class side by side.
    /// - Returns: `[classes, d]`
    package static func classVectors(_ texts: Matrix, templates: Int) -> Matrix {
        precondition(templates > 0 && texts.rows % templates == 0)
        let sums = Matrix(rows: texts.rows / templates, columns: texts.columns)
        for row in 0..<texts.rows { add(texts.row(row), to: sums.row(row / templates), count: texts.columns) }
        return normalizedPrefix(sums, sums.columns)
    }

    /// The rank of each item's true class among all classes.
    ///
    /// - Parameters:
    ///   - items: `[n, d]`
    ///   - classes: `[c, d]`
    ///   - labels: n rows of `classes`.
    package static func ranks(items: Matrix, classes: Matrix, labels: [Int], pool: WorkerPool) -> [[RankedJudgment]] {
        ranksOfRelevant(
            queries: items, candidates: classes, relevance: labels.map { Relevance([.init(candidate: $0)]) }, pool: pool
        )
    }
}
