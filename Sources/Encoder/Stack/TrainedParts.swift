/// Why a tensor cannot be trained.
package struct Untrainable: Error, Sendable, Equatable, CustomStringConvertible {
    /// The tensor that was to be trained.
    package let tensor: String
    /// The operation in the way, by its place in the model, and what to do instead.
    package let reason: String

    package var description: String { "\(tensor) cannot be trained: \(reason)" }
}

/// What of a model of format castor-2 is trained, and how far back gradients have to be carried for that.
package struct TrainedParts: Sendable, Equatable {
    struct Tower: Sendable, Equatable {
        /// The first layer that a gradient passes; the number of layers where the last norm alone is trained, nil where all that is before the
        /// vector is locked.
        var firstLayer: Int?
        /// Whether something in front of the stack is trained.
        var front = false
        /// Whether something behind it is: heads, or pooling that learned something.
        var vector = false

        var isTrained: Bool { firstLayer != nil || vector }
    }

    private(set) var text = Tower()
    private(set) var image = Tower()
    private(set) var audio = Tower()

    /// - Parameter isTrained: of a tensor, by its name
    /// - Throws: ``Untrainable`` where a gradient would have to pass what has no backward
    package init(_ spec: ModelSpec, isTrained: (String) -> Bool) throws(Untrainable) {
        let names = spec.tensorShapes().map(\.name).filter(isTrained)
        if let name = names.first, spec.body != nil {
            throw Untrainable(
                tensor: name,
                reason:
                    "the parts of a content pass through one body (body.layers), which has no backward; a model whose towers give "
                    + "vectors of their own can be trained")
        }
        if let tower = spec.text {
            text = try Self.tower("text", tower.stack, names, Self.operation)
        }
        if let tower = spec.image {
            image = try Self.tower("image", tower.stack, names, Self.operation)
            let own = tower.size(width: 1, height: 1)
            if case .grid(let columns, let rows)? = tower.positions, (own.columns, own.rows) != (columns, rows),
                let name = names.first(where: { $0.hasPrefix("image.positions.") })
            {
                throw Untrainable(
                    tensor: name,
                    reason:
                        "the positions of a grid of \(columns) x \(rows) patches, resampled to \(own.columns) x \(own.rows), have no "
                        + "backward; freeze image.positions.*")
            }
        }
        if let tower = spec.audio {
            audio = try Self.tower("audio", tower.stack, names) { _ in "a sound tower" }
            if audio.front, let name = names.first(where: { $0.hasPrefix("audio.") && !Self.isBehindFront($0) }) {
                throw Untrainable(tensor: name, reason: Self.reason("audio.subsampling", "a sound tower", "audio"))
            }
        }
    }

    private static func isBehindFront(_ name: String) -> Bool {
        let rest = name.drop { $0 != "." }.dropFirst()
        return ["layers.", "norm.", "relative_bias.", "head.", "pooling."].contains { rest.hasPrefix($0) }
    }

    /// - Parameter obstacle: what of an operation has no backward; nil where all has
    private static func tower(
        _ tower: String, _ stack: StackSpec?, _ names: [String], _ obstacle: (BranchSpec.Operation) -> String?
    ) throws(Untrainable) -> Tower {
        var result = Tower()
        let layerCount = stack?.layers.count ?? 0
        /// The tensor for which the gradient goes as far as it does.
        var lowest = ""
        func reach(_ layer: Int, _ name: String) {
            if layer < result.firstLayer ?? .max { (result.firstLayer, lowest) = (layer, name) }
        }
        for name in names where name.hasPrefix("\(tower).") {
            let rest = name.dropFirst(tower.utf8.count + 1)
            if rest.hasPrefix("head.") || rest.hasPrefix("pooling.") {
                result.vector = true
            } else if rest.hasPrefix("norm.") {
                reach(layerCount, name)
            } else if rest.hasPrefix("layers."), let number = Int(rest.dropFirst(7).prefix { $0 != "." }) {
                reach(number, name)
            } else {
                if !rest.hasPrefix("relative_bias.") { result.front = true }
                reach(0, name)
            }
        }
        guard let first = result.firstLayer, first < layerCount, let stack else { return result }
        for (index, layer) in stack.layers.enumerated().dropFirst(first) {
            for (number, branch) in layer.branches.enumerated() {
                guard let what = obstacle(branch.operation) else { continue }
                throw Untrainable(tensor: lowest, reason: reason("\(tower).layers.\(index).\(number)", what, tower))
            }
        }
        return result
    }

    private static func reason(_ place: String, _ what: String, _ tower: String) -> String {
        "its gradient would pass \(place), and \(what) has no backward; train what is behind it alone, such as \(tower).head.*"
    }

    /// What of an operation has no backward.
    private static func operation(_ operation: BranchSpec.Operation) -> String? {
        switch operation {
        case .perLayerInput: return "per_layer_input"
        case .convolution: return "convolution"
        case .feedForward(let spec): return spec.clipped == true ? "a clipped feed_forward" : nil
        case .attention(let spec):
            if spec.clipped == true { return "clipped attention" }
            if spec.cap != nil { return "attention with a cap" }
            if spec.queryScale == true { return "attention with query_scale" }
            if spec.keyScale != nil { return "attention with key_scale" }
            if case .relativeKeys = spec.position { return "attention with relative_keys" }
            return nil
        }
    }
}
