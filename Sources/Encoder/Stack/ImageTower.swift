import CastorNumerics

/// Patches to tokens: a product, positions, a stack, and what is made of its output (``ImageSpec``).
struct ImageTower: Sendable {
    let spec: ImageSpec
    /// `[width, values of a patch]`
    let patch: LinearWeights
    /// `[width]`
    let classToken: Matrix?
    /// `[tokens or 2 rows, width]`
    let positions: EmbeddingTable?
    let norm: NormWeights?
    let stack: StackWeights
    let projectionNorm: NormWeights?
    let projection: LinearWeights?
}

extension ImageSpec {
    /// Rows of the table of positions.
    private var positionRows: Int? {
        switch positions {
        case nil: nil
        case .columnsAndRows(let rows): 2 * rows
        case .grid(let columns, let rows): leadingTokens + columns * rows
        case .tokens: size(width: 1, height: 1).tokenCount
        }
    }

    /// A table as the tower's own grid wants it.
    private func resampled(_ table: EmbeddingTable, _ rows: Int) throws(ModelError) -> EmbeddingTable {
        // Where the names alone are asked for, there are no rows.
        guard case .grid(let columns, let gridRows)? = positions, table.rows == rows else { return table }
        let own = size(width: 1, height: 1)
        guard (own.columns, own.rows) != (columns, gridRows) else { return table }
        return try PositionGrid.resampled(
            table, leading: leadingTokens, from: (columns, gridRows), to: (own.columns, own.rows))
    }

    func tower(
        _ source: TensorSource, _ table: (_ name: String, _ shape: [Int]) throws(ModelError) -> EmbeddingTable
    ) throws(ModelError) -> ImageTower {
        let assembly = StackAssembly(name: "image", spec: stack, source: source)
        let projection = DenseSpec(inputs: patchLength, outputs: width, bias: patchBias ?? false)
        return ImageTower(
            spec: self, patch: try assembly.dense(projection, "image.patch"),
            classToken: classToken == true ? try source.small("image.class_token", [width]) : nil,
            positions: try positionRows.map { (rows) throws(ModelError) in
                try resampled(try table("image.positions.weight", [rows, width]), rows)
            },
            norm: try assembly.norm(norm, "image.embedding_norm", width), stack: try assembly.weights(),
            projectionNorm: try assembly.norm(projectionNorm, "image.projection_norm", width),
            projection: try self.projection.map { (dense) throws(ModelError) in
                try assembly.dense(dense, "image.projection")
            })
    }
}

extension ImageTower {
    /// Patches to tokens that enter the stack: `tokens` has a row for each, the class token's first.
    ///
    /// - Parameter kept: where a backward pass finds them as they were before the norm
    func embed(
        _ picture: PatchedPicture, into tokens: Matrix, keptIn kept: Matrix? = nil, _ pool: WorkerPool
    ) throws(ModelError) {
        let leading = spec.leadingTokens
        precondition(picture.patches.columns == spec.patchLength, "patches of another model")
        let patches = tokens[leading..<tokens.rows]
        let division = RowDivision(rows: patches.rows, pool)
        switch division.columns {
        case .divided:
            let piece = RowPiece(rows: 0..<patches.rows, columns: division.columns, worker: pool.callersWorker)
            piece.linear(patch, picture.patches, into: patches)
        case .whole:
            pool.run(division.pieces.count) { index, worker in
                let piece = RowPiece(rows: division.pieces[index], columns: .whole, worker: worker)
                piece.linear(patch, picture.patches, into: patches)
            }
        }
        if let classToken { tokens.pointer.update(from: classToken.pointer, count: spec.width) }
        try addPositions(picture, tokens)
        kept?.pointer.update(from: tokens.pointer, count: tokens.count)
        norm?.apply(Block(tokens), into: Block(tokens))
    }

    private func addPositions(_ picture: PatchedPicture, _ tokens: Matrix) throws(ModelError) {
        guard let positions, let kind = spec.positions else { return }
        let width = spec.width
        switch kind {
        case .tokens, .grid:
            precondition(tokens.rows == positions.rows, "a picture of another size")
            let position = Matrix(rows: 1, columns: width)
            for row in 0..<tokens.rows {
                try positions.copyRow(row, into: position.pointer)
                add(position.pointer, to: tokens.row(row), count: width)
            }
        case .columnsAndRows(let rows):
            guard max(picture.columns, picture.rows) <= rows else {
                throw .tensor(
                    name: "image.positions.weight",
                    reason: "has \(rows) rows, the picture \(picture.columns) x \(picture.rows) patches")
            }
            let byColumn = Matrix(rows: picture.columns, columns: width)
            let byRow = Matrix(rows: picture.rows, columns: width)
            for index in 0..<picture.columns { try positions.copyRow(index, into: byColumn.row(index)) }
            for index in 0..<picture.rows { try positions.copyRow(rows + index, into: byRow.row(index)) }
            for index in 0..<picture.patches.rows {
                let token = tokens.row(spec.leadingTokens + index)
                add(byColumn.row(index % picture.columns), to: token, count: width)
                add(byRow.row(index / picture.columns), to: token, count: width)
            }
        }
    }

    /// The first tokens that a picture has for the body, before their projection: means of cells, or patches as they are.
    ///
    /// - Parameters:
    ///   - patches: the stack's output, `[rows * columns, width]`
    ///   - tokens: `[token count, width]`
    func collect(_ picture: PatchedPicture, _ patches: Matrix, into tokens: Matrix) {
        let cell = spec.cellSize ?? 1
        let columns = picture.columns / cell
        let factor = (spec.factor ?? 1) / Float(cell * cell)
        for token in 0..<tokens.rows {
            let target = tokens.row(token)
            let first = token / columns * cell * picture.columns + token % columns * cell
            target.update(from: patches.row(first), count: spec.width)
            for index in 1..<max(cell * cell, 1) where cell > 1 {
                let patch = first + index / cell * picture.columns + index % cell
                add(patches.row(patch), to: target, count: spec.width)
            }
            if factor != 1 { scale(target, by: factor, count: spec.width) }
        }
    }
}

extension SpecPass {
    /// Patches that pass the stack together: enough for whole products, and few enough that a video's frames need no gigabytes.
    private static let patchesAtOnce = 4_096

    /// The body's rows for pictures, each as many as it has tokens.
    func pictureTokens(_ pictures: [PatchedPicture]) throws(ModelError) -> (Matrix, PackedLayout) {
        guard let tower = weights.image else { preconditionFailure("pictures for a model without them") }
        let layout = PackedLayout(lengths: pictures.map(\.tokenCount))
        let width = tower.spec.width
        let tokens = memory.pictures.take(rows: layout.tokenCount, columns: width)
        try eachGroup(pictures, tower) { range, x, patches in
            pool.run(range.count) { index, _ in
                let picture = range.lowerBound + index
                tower.collect(pictures[picture], x[patches.rows(of: index)], into: tokens[layout.rows(of: picture)])
            }
        }
        let division = RowDivision(rows: tokens.rows, pool)
        guard let projection = tower.projection else {
            tower.projectionNorm?.apply(Block(tokens), into: Block(tokens))
            return (tokens, layout)
        }
        let projected = memory.projectedPictures.take(rows: tokens.rows, columns: projection.outputCount)
        func project(_ rows: Range<Int>, _ worker: WorkerPool.Worker) {
            let own = Block(tokens[rows])
            tower.projectionNorm?.apply(own, into: own)
            RowPiece(rows: rows, columns: division.columns, worker: worker).linear(projection, tokens, into: projected)
        }
        switch division.columns {
        case .divided: project(0..<tokens.rows, pool.callersWorker)
        case .whole: pool.run(division.pieces.count) { index, worker in project(division.pieces[index], worker) }
        }
        return (projected, layout)
    }

    /// One row a picture, where the model has no body.
    func pictureVectors(_ pictures: [PatchedPicture]) throws(ModelError) -> Matrix {
        guard let tower = weights.image, let vector = weights.imageVector else {
            preconditionFailure("pictures for a model without them")
        }
        if let locked, locked.hasPictures { return try lockedVectors(pictures, tower, vector, locked) }
        let rows = Matrix(rows: pictures.count, columns: spec.outputDimensions)
        try eachGroup(pictures, tower) { range, x, patches in
            let own = VectorPooling(weights: vector, pool: pool)(x, patches, tape: tape?.pictures.last?.vector)
            rows.row(range.lowerBound).update(from: own.pointer, count: own.count)
        }
        return rows
    }

    private func lockedVectors(
        _ pictures: [PatchedPicture], _ tower: ImageTower, _ vector: VectorWeights, _ locked: LockedTowers
    ) throws(ModelError) -> Matrix {
        let pooling = VectorPooling(weights: vector, pool: pool)
        var plain = self
        plain.tape = nil
        let pooled = try locked.pooled(pictures, pictures.map { .init($0.patches) }, width: tower.spec.width) {
            (picture) throws(ModelError) in
            var result: Matrix?
            try plain.eachGroup([picture], tower) { _, x, layout in result = pooling.pooled(x, layout) }
            guard let result else { preconditionFailure("a picture without a group") }
            return result
        }
        let nothing = PackedLayout(lengths: [])
        return pooling.head(
            pooled, tape?.startPictures(pictures, nothing, hasNorm: false, width: tower.spec.width).vector)
    }

    /// Runs the stack over some pictures at a time: their range, the stack's output, and the rows of each in it.
    private func eachGroup(
        _ pictures: [PatchedPicture], _ tower: ImageTower, _ body: (Range<Int>, Matrix, PackedLayout) -> Void
    ) throws(ModelError) {
        var start = 0
        while start < pictures.count {
            var (end, count) = (start, 0)
            while end < pictures.count, end == start || count + pictures[end].patches.rows <= Self.patchesAtOnce {
                count += pictures[end].patches.rows
                end += 1
            }
            let group = pictures[start..<end]
            let layout = PackedLayout(lengths: group.map { $0.patches.rows + tower.spec.leadingTokens })
            let x = memory.patches.take(rows: layout.tokenCount, columns: tower.spec.width)
            let tape = tape?.startPictures(Array(group), layout, hasNorm: tower.norm != nil, width: x.columns)
            for (index, picture) in group.enumerated() {
                let rows = layout.rows(of: index)
                try tower.embed(picture, into: x[rows], keptIn: tape?.entered?[rows], pool)
            }
            var places = TokenPlaces(layout: layout)
            if tower.spec.leadingTokens == 0 {
                places.cells = group.flatMap { picture in
                    (0..<picture.patches.rows).map { (row: $0 / picture.columns, column: $0 % picture.columns) }
                }
            }
            run(tower.spec.stack, tower.stack, x, places, tape: tape?.stack)
            body(start..<end, x, layout)
            start = end
        }
    }
}
