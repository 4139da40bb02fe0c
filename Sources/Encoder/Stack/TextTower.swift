import CastorNumerics

/// Token ids to tokens: rows of a table and what is added to them (``TextSpec``).
struct TextTower: Sendable {
    let spec: TextSpec
    let table: EmbeddingTable
    /// `[positions, width]`
    let positions: EmbeddingTable?
    /// `[width]`
    let tokenType: Matrix?
    let norm: NormWeights?
    let projection: LinearWeights?
    let stack: StackWeights?

    /// Tokens of one text, `[ids, width]`, each at its place in the content.
    ///
    /// - Parameters:
    ///   - first: place of the first id
    ///   - kept: where a backward pass finds them as they were before the norm
    func embed(_ ids: [Int32], from first: Int, into tokens: Matrix, keptIn kept: Matrix? = nil) throws(ModelError) {
        let position = FloatBuffer(count: spec.width)
        // A pointer does not keep its memory alive.
        try withExtendedLifetime(position) { () throws(ModelError) in
            for (index, id) in ids.enumerated() {
                let token = tokens.row(index)
                try table.copyRow(Int(id), into: token)
                if let factor = spec.scale { scale(token, by: factor, count: spec.width) }
                if let tokenType { add(tokenType.pointer, to: token, count: spec.width) }
                if let positions {
                    try positions.copyRow(first + index + (spec.firstPosition ?? 0), into: position.pointer)
                    add(position.pointer, to: token, count: spec.width)
                }
            }
        }
        kept?.pointer.update(from: tokens.pointer, count: tokens.count)
        norm?.apply(Block(tokens), into: Block(tokens))
    }
}

extension VectorSpec {
    /// The place of the token that ``Pooling/end`` takes: the last where the id is not there.
    func end(of ids: [Int32]) -> Int {
        ids.firstIndex(of: endID ?? ids.max() ?? 0) ?? ids.count - 1
    }
}
