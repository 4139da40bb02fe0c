extension ModelSpec {
    /// Checks every value, and the products that sizes of memory depend on.
    package func check() throws(ModelError) {
        let check = SpecCheck()
        try check.require(format == Self.format, "format", "is \"\(format)\", expected \"\(Self.format)\"")
        try check.require(!name.isEmpty && name.utf8.count <= 512, "name", "must have 1 to 512 bytes")
        try check.range(maxTokens, 1...1_048_576, "max_tokens")
        try check.range(outputDimensions, 1...65_536, "output_dimensions")
        try check.require(!matryoshkaDimensions.isEmpty, "matryoshka_dimensions", "is empty")
        for size in matryoshkaDimensions { try check.range(size, 1...outputDimensions, "matryoshka_dimensions") }
        try check.require(
            Set(matryoshkaDimensions).count == matryoshkaDimensions.count, "matryoshka_dimensions", "holds a size twice"
        )
        try check.require(text != nil || image != nil || audio != nil, "text", "is missing: no medium is left")
        let marks = [sequence.picture, sequence.sound].compactMap { $0 }
        let ids = sequence.begin + sequence.end + marks.flatMap { $0.begin + $0.end }
        try check.range(ids.count, 0...min(64, maxTokens - 1), "sequence")
        try check.require(text != nil || ids.isEmpty, "sequence", "has ids, and there is no text")
        try check.range(sequence.dropped?.count ?? 0, 0...64, "sequence.dropped")
        try check.range(sequence.mostCharacters ?? 1, 1...1 << 30, "sequence.most_characters")
        if let text {
            try check.text(text, hasBody: body != nil, outputDimensions)
            for id in ids { try check.range(Int(id), 0...text.vocabularySize - 1, "sequence") }
        }
        if let audio { try check.audio(audio, bodyWidth: body?.stack.width, outputDimensions) }
        if let image { try check.image(image, bodyWidth: body?.stack.width, outputDimensions) }
        if let body {
            try check.stack(body.stack, "body.stack")
            try check.vector(body.vector, from: body.stack.width, to: outputDimensions, "body.vector")
            if let text {
                let width = text.stack?.width ?? text.projection?.outputs ?? text.width
                try check.require(
                    width == body.stack.width, "body.stack.width", "is \(body.stack.width), texts come with \(width)")
            }
        }
    }
}

/// Checks with the path of what is wrong.
struct SpecCheck {
    func require(_ holds: Bool, _ key: String, _ reason: @autoclosure () -> String) throws(ModelError) {
        guard holds else { throw .configuration(key: key, reason: reason()) }
    }

    func range(_ value: Int, _ range: ClosedRange<Int>, _ key: String) throws(ModelError) {
        try require(range.contains(value), key, "\(value) is outside \(range.lowerBound)...\(range.upperBound)")
    }

    func number(_ value: Float?, _ key: String) throws(ModelError) {
        guard let value else { return }
        try require(value.isFinite, key, "is not finite")
    }

    func norm(_ norm: NormSpec?, _ key: String) throws(ModelError) {
        guard let norm else { return }
        try require(norm.epsilon.isFinite && norm.epsilon > 0, "\(key).epsilon", "must be a positive number")
    }

    func dense(_ dense: DenseSpec, from inputs: Int, _ key: String) throws(ModelError) {
        try range(dense.inputs, 1...65_536, "\(key).inputs")
        try range(dense.outputs, 1...65_536, "\(key).outputs")
        try require(dense.inputs == inputs, "\(key).inputs", "is \(dense.inputs), \(inputs) values come in")
    }

    func text(_ text: TextSpec, hasBody: Bool, _ outputs: Int) throws(ModelError) {
        try range(text.vocabularySize, 1...4_194_304, "text.vocabulary_size")
        try range(text.width, 1...16_384, "text.width")
        try number(text.scale, "text.scale")
        if let positions = text.positions {
            try range(positions, 1...4_194_304, "text.positions")
            try range(text.firstPosition ?? 0, 0...positions - 1, "text.first_position")
        }
        if let padding = text.padding {
            try require(!hasBody, "text.padding", "stands beside a body")
            try range(padding.length, 1...min(text.mostIDs ?? 65_536, 65_536), "text.padding.length")
            try range(Int(padding.id), 0...text.vocabularySize - 1, "text.padding.id")
        }
        try norm(text.norm, "text.norm")
        var width = text.width
        if let projection = text.projection {
            try dense(projection, from: width, "text.projection")
            width = projection.outputs
        }
        if let stack = text.stack {
            try self.stack(stack, "text.stack")
            try require(stack.width == width, "text.stack.width", "is \(stack.width), tokens come with \(width)")
        }
        try require((text.vector != nil) != hasBody, "text.vector", hasBody ? "stands beside a body" : "is missing")
        if let vector = text.vector { try self.vector(vector, from: width, to: outputs, "text.vector") }
        if let id = text.vector?.endID { try range(Int(id), 0...text.vocabularySize - 1, "text.vector.end_id") }
    }

    func vector(_ vector: VectorSpec, from width: Int, to outputs: Int, _ key: String) throws(ModelError) {
        var width = width
        try require(vector.pooling != .end || key == "text.vector", "\(key).pooling", "end is of texts alone")
        try require(
            (vector.pooling == .attention) == (vector.attention != nil), "\(key).attention",
            vector.attention == nil ? "is missing" : "stands beside another pooling")
        if let attention = vector.attention {
            try range(attention.heads, 1...1_024, "\(key).attention.heads")
            try require(
                width % attention.heads == 0, "\(key).attention.heads",
                "\(attention.heads) does not divide the width \(width)")
            try range(attention.hidden, 1...262_144, "\(key).attention.hidden")
            try norm(attention.norm, "\(key).attention.norm")
        }
        try range(vector.head.count, 0...16, "\(key).head")
        for dense in vector.head {
            try self.dense(dense, from: width, "\(key).head")
            width = dense.outputs
        }
        try require(width == outputs, key, "gives \(width) values, output_dimensions says \(outputs)")
    }

    func stack(_ stack: StackSpec, _ key: String) throws(ModelError) {
        try range(stack.width, 1...16_384, "\(key).width")
        try range(stack.layers.count, 0...256, "\(key).layers")
        try norm(stack.finalNorm, "\(key).final_norm")
        var biases: (RelativeBiasSpec, Int)?
        for (index, layer) in stack.layers.enumerated() {
            let key = "\(key).layers.\(index)"
            try range(layer.branches.count, 0...8, "\(key).branches")
            try norm(layer.norm, "\(key).norm")
            for (index, branch) in layer.branches.enumerated() {
                let key = "\(key).branches.\(index)"
                try norm(branch.norm, "\(key).norm")
                try norm(branch.outputNorm, "\(key).output_norm")
                try norm(branch.after, "\(key).after")
                try number(branch.factor, "\(key).factor")
                try operation(branch.operation, "\(key).operation")
                guard case .attention(let attention) = branch.operation,
                    case .relativeBias(let bias) = attention.position
                else { continue }
                if let first = biases {
                    try require(
                        first == (bias, attention.heads), "\(key).operation.position", "differs from an earlier layer's"
                    )
                }
                biases = (bias, attention.heads)
            }
        }
    }

    func operation(_ operation: BranchSpec.Operation, _ key: String) throws(ModelError) {
        switch operation {
        case .attention(let spec): try attention(spec, "\(key).attention")
        case .feedForward(let spec): try range(spec.hidden, 1...262_144, "\(key).feed_forward.hidden")
        case .perLayerInput(let spec):
            try range(spec.size, 1...16_384, "\(key).per_layer_input.size")
            try norm(spec.norm, "\(key).per_layer_input.norm")
            try number(spec.factor, "\(key).per_layer_input.factor")
        case .convolution(let spec):
            try range(spec.kernel, 1...1_024, "\(key).convolution.kernel")
            try norm(spec.norm, "\(key).convolution.norm")
        }
    }

    func attention(_ spec: AttentionSpec, _ key: String) throws(ModelError) {
        try range(spec.heads, 1...1_024, "\(key).heads")
        try range(spec.keyHeads, 1...spec.heads, "\(key).key_heads")
        try require(
            spec.heads % spec.keyHeads == 0, "\(key).key_heads", "\(spec.keyHeads) does not divide \(spec.heads) heads")
        try range(spec.headSize, 1...4_096, "\(key).head_size")
        try range(spec.rowLength, 1...1_048_576, "\(key): heads times their size")
        try number(spec.scale, "\(key).scale")
        try number(spec.keyScale, "\(key).key_scale")
        if let cap = spec.cap { try require(cap.isFinite && cap > 0, "\(key).cap", "must be a positive number") }
        for (norm, name) in [(spec.queryNorm, "query"), (spec.keyNorm, "key"), (spec.valueNorm, "value")] {
            try self.norm(norm, "\(key).\(name)_norm")
        }
        if case .window(let before, let after) = spec.keys {
            try range(before, 0...1_048_576, "\(key).keys.window.before")
            try range(after, 0...1_048_576, "\(key).keys.window.after")
        }
        switch spec.position {
        case .none: break
        case .rotary(let rotary):
            try require(rotary.base.isFinite && rotary.base > 1, "\(key).position.rotary.base", "must be above 1")
            let turned = rotary.dimensions ?? spec.headSize
            try range(turned, 2...max(2, spec.headSize), "\(key).position.rotary.dimensions")
            let step = rotary.axes == .sequence ? 2 : 4
            try require(
                turned % step == 0, "\(key).position.rotary.dimensions", "\(turned) is not a multiple of \(step)")
            try require(
                rotary.axes != .columnHalfThenRowHalf || turned == spec.headSize, "\(key).position.rotary.dimensions",
                "must be the whole head with axes column_half_then_row_half")
        case .relativeBias(let bias):
            try range(bias.buckets, 4...65_536, "\(key).position.relative_bias.buckets")
            try range(bias.maxDistance, bias.buckets, "\(key).position.relative_bias.max_distance")
        case .relativeKeys:
            guard case .window(let before, 0) = spec.keys, before < 4_096 else {
                throw .configuration(
                    key: "\(key).position", reason: "relative keys want a window that ends at the query")
            }
            try range(spec.queryLength * (before + 1), 1, "\(key).position: values of all relative keys")
        }
    }

    private func range(_ value: Int, _ least: Int, _ key: String) throws(ModelError) {
        try range(value, least...16_777_216, key)
    }
}
