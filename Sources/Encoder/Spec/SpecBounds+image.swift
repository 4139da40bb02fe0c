extension SpecCheck {
    /// Patches of a picture at most: more than the largest published budget makes.
    private static let maxPatches = 65_536

    func image(_ image: ImageSpec, bodyWidth: Int?, _ outputs: Int) throws(ModelError) {
        try range(image.patchSize, 1...256, "image.patch_size")
        try range(image.cellSize ?? 1, 1...16, "image.cell_size")
        try number(image.factor, "image.factor")
        try norm(image.norm, "image.norm")
        try stack(image.stack, "image.stack")
        try pixels(image.pixels)
        let most = try patches(image)
        try range(most, 1...Self.maxPatches, "image.pixels.sizing: patches of a picture")
        try positions(image)

        var width = image.width
        try norm(image.projectionNorm, "image.projection_norm")
        if let projection = image.projection {
            try dense(projection, from: width, "image.projection")
            width = projection.outputs
        }
        if let bodyWidth {
            try require(image.vector == nil, "image.vector", "stands beside a body")
            try require(width == bodyWidth, "image.projection", "gives \(width) values, the body takes \(bodyWidth)")
            try require(image.classToken != true, "image.class_token", "stands beside a body")
        } else {
            guard let vector = image.vector else { throw .configuration(key: "image.vector", reason: "is missing") }
            try require(
                image.cellSize == nil && image.factor == nil && image.projection == nil && image.projectionNorm == nil,
                "image.projection", "cells, factor and projection stand beside a vector")
            try self.vector(vector, from: width, to: outputs, "image.vector")
        }
    }

    private func pixels(_ pixels: PixelSpec) throws(ModelError) {
        try require(pixels.scale.isFinite && pixels.scale > 0, "image.pixels.scale", "must be a positive number")
        try require(pixels.mean.count == 3, "image.pixels.mean", "has \(pixels.mean.count) values, expected 3")
        try require(
            pixels.deviation.count == 3, "image.pixels.deviation", "has \(pixels.deviation.count) values, expected 3")
        for value in pixels.mean { try require(abs(value) <= 1e6, "image.pixels.mean", "\(value) is too large") }
        for value in pixels.deviation {
            try require(value >= 1e-6 && value <= 1e6, "image.pixels.deviation", "\(value) is outside 1e-6...1e6")
        }
    }

    /// Of the largest picture.
    private func patches(_ image: ImageSpec) throws(ModelError) -> Int {
        func grid(_ width: Int, _ height: Int, _ key: String) throws(ModelError) -> Int {
            for side in [width, height] {
                try range(side, 1...16_384, key)
                try require(
                    side >= image.sideUnit && (image.cellSize == nil || side % image.sideUnit == 0), key,
                    "\(side) pixels are no whole cells of \(image.sideUnit)")
            }
            return (width / image.patchSize) * (height / image.patchSize)
        }
        switch image.pixels.sizing {
        case .fixed(let width, let height): return try grid(width, height, "image.pixels.sizing.fixed")
        case .cropped(let side, let width, let height):
            let key = "image.pixels.sizing.cropped"
            try range(side, 1...16_384, "\(key).shortest_side")
            try require(max(width, height) <= side, key, "\(width) x \(height) is more than the shortest side \(side)")
            return try grid(width, height, key)
        case .budget(let budgets):
            let key = "image.pixels.sizing.budget"
            try range(budgets.allowed.count, 1...64, "\(key).allowed")
            for budget in budgets.allowed { try range(budget, 1...Self.maxPatches, "\(key).allowed") }
            try require(
                budgets.allowed.contains(budgets.picture), "\(key).picture", "\(budgets.picture) is not allowed")
            try require(budgets.allowed.contains(budgets.frame), "\(key).frame", "\(budgets.frame) is not allowed")
            let cell = image.cellSize ?? 1
            return (budgets.allowed.max() ?? 0) * cell * cell
        }
    }

    private func positions(_ image: ImageSpec) throws(ModelError) {
        let key = "image.positions"
        switch (image.positions, image.pixels.sizing) {
        case (.tokens, .budget), (.grid, .budget):
            throw .configuration(key: key, reason: "a row for each token, and pictures of many sizes")
        case (.columnsAndRows(let rows), .budget(let budgets)):
            let longest = (budgets.allowed.max() ?? 0) * (image.cellSize ?? 1)
            try range(rows, 1...1_048_576, key)
            try require(rows >= longest, key, "\(rows) rows, pictures have up to \(longest) columns")
        case (.columnsAndRows(let rows), .fixed(let width, let height)),
            (.columnsAndRows(let rows), .cropped(_, let width, let height)):
            try range(rows, 1...1_048_576, key)
            let longest = max(width, height) / image.patchSize
            try require(rows >= longest, key, "\(rows) rows, pictures have \(longest) columns")
        case (.grid(let columns, let rows), _):
            try range(columns, 1...1_024, key)
            try range(rows, 1...1_024, key)
        case (.tokens, .fixed), (.tokens, .cropped), (nil, _): break
        }
        for case .attention(let attention) in image.stack.layers.flatMap(\.branches).map(\.operation) {
            guard case .rotary(let rotary) = attention.position, rotary.axes != .sequence else { continue }
            try require(image.classToken != true, "image.class_token", "has no row and column to turn by")
        }
    }
}
