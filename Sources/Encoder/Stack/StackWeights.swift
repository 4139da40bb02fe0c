import CastorNumerics

/// The weights of a stack, in the order of its spec.
struct StackWeights: Sendable {
    struct Branch: Sendable {
        enum Operation: Sendable {
            case attention(AttentionWeights)
            case feedForward(FeedForwardWeights)
            case perLayerInput(PerLayerInputWeights)
            case convolution(ConvolutionWeights)
        }

        let norm: NormWeights?
        let operation: Operation
        let outputNorm: NormWeights?
        /// `[d]`
        let gain: Matrix?
        let after: NormWeights?
        /// Of its tensors in the model's file, before their own part.
        let name: String
    }

    struct Layer: Sendable {
        let branches: [Branch]
        let norm: NormWeights?
        let scale: Float?
        let name: String
    }

    let layers: [Layer]
    let finalNorm: NormWeights?
    /// `[buckets, heads]`
    let relativeBias: Matrix?
    let name: String
}

/// Tensors by their names in the model's file, with their shapes checked by whoever hands them out.
struct TensorSource {
    /// A vector is a matrix of one row.
    let small: (_ name: String, _ shape: [Int]) throws(ModelError) -> Matrix
    let large: (_ name: String, _ shape: [Int]) throws(ModelError) -> WeightTensor
}

/// Puts a stack's weights together (names and shapes: docs/model.md).
struct StackAssembly {
    let name: String
    let spec: StackSpec
    let source: TensorSource

    func weights() throws(ModelError) -> StackWeights {
        var layers: [StackWeights.Layer] = []
        for (index, layer) in spec.layers.enumerated() {
            layers.append(try self.layer(layer, "\(name).layers.\(index)"))
        }
        return StackWeights(
            layers: layers, finalNorm: try norm(spec.finalNorm, "\(name).norm", spec.width),
            relativeBias: try relativeBias(), name: name)
    }

    private func relativeBias() throws(ModelError) -> Matrix? {
        for case .attention(let attention) in spec.layers.flatMap(\.branches).map(\.operation) {
            guard case .relativeBias(let bias) = attention.position else { continue }
            return try source.small("\(name).relative_bias.weight", [bias.buckets, attention.heads])
        }
        return nil
    }

    private func layer(_ layer: LayerSpec, _ name: String) throws(ModelError) -> StackWeights.Layer {
        var branches: [StackWeights.Branch] = []
        for (index, branch) in layer.branches.enumerated() {
            branches.append(try self.branch(branch, "\(name).\(index)"))
        }
        let scale = layer.scaled == true ? try source.small("\(name).scale", [1]).values[0] : nil
        return StackWeights.Layer(
            branches: branches, norm: try norm(layer.norm, "\(name).norm", spec.width), scale: scale, name: name)
    }

    private func branch(_ branch: BranchSpec, _ name: String) throws(ModelError) -> StackWeights.Branch {
        let width = spec.width
        let operation: StackWeights.Branch.Operation
        switch branch.operation {
        case .attention(let spec): operation = .attention(try attention(spec, name))
        case .feedForward(let spec):
            let clipped = spec.clipped ?? false
            operation = .feedForward(
                FeedForwardWeights(
                    up: try linear("\(name).up", spec.gated ? 2 * spec.hidden : spec.hidden, width, spec.bias, clipped),
                    down: try linear("\(name).down", width, spec.hidden, spec.bias, clipped)))
        case .perLayerInput(let spec):
            guard let inputNorm = try norm(spec.norm, "\(self.name).per_layer_input.norm", spec.size) else {
                preconditionFailure("a norm that is there")
            }
            operation = .perLayerInput(
                PerLayerInputWeights(
                    input: try linear("\(name).input", spec.size, width), inputNorm: inputNorm,
                    gate: try linear("\(name).gate", spec.size, width),
                    output: try linear("\(name).output", width, spec.size)))
        case .convolution(let spec):
            let clipped = spec.clipped ?? false
            guard let inner = try norm(spec.norm, "\(name).inner_norm", width) else {
                preconditionFailure("a norm that is there")
            }
            operation = .convolution(
                ConvolutionWeights(
                    start: try linear("\(name).start", 2 * width, width, false, clipped),
                    kernel: try source.small("\(name).kernel.weight", [spec.kernel, width]), norm: inner,
                    end: try linear("\(name).end", width, width, false, clipped)))
        }
        return StackWeights.Branch(
            norm: try norm(branch.norm, "\(name).norm", width), operation: operation,
            outputNorm: try norm(branch.outputNorm, "\(name).output_norm", width),
            gain: branch.gain == true ? try source.small("\(name).gain", [width]) : nil,
            after: try norm(branch.after, "\(name).after", width), name: name)
    }

    private func attention(_ spec: AttentionSpec, _ name: String) throws(ModelError) -> AttentionWeights {
        let width = self.spec.width
        let (clipped, size) = (spec.clipped ?? false, spec.headSize)
        var projections: [LinearWeights] = []
        if clipped {
            for (part, heads) in [("query", spec.heads), ("key", spec.keyHeads), ("value", spec.keyHeads)] {
                projections.append(try linear("\(name).\(part)", heads * size, width, spec.bias, true))
            }
        } else {
            projections = [try linear("\(name).qkv", spec.rowLength, width, spec.bias)]
        }
        var relativeKeys: Matrix?
        if case .relativeKeys = spec.position, case .window(let before, _) = spec.keys {
            relativeKeys = try source.small("\(name).relative_keys", [spec.heads * (before + 1), size])
        }
        return AttentionWeights(
            projections: projections,
            output: try linear("\(name).output", width, spec.queryLength, spec.outputBias, clipped),
            queryNorm: try norm(spec.queryNorm, "\(name).query_norm", size),
            keyNorm: try norm(spec.keyNorm, "\(name).key_norm", size),
            valueNorm: try norm(spec.valueNorm, "\(name).value_norm", size),
            queryScale: spec.queryScale == true ? try source.small("\(name).query_scale", [size]) : nil,
            relativeKeys: relativeKeys)
    }

    private func linear(
        _ name: String, _ outputs: Int, _ inputs: Int, _ hasBias: Bool = false, _ clipped: Bool = false
    ) throws(ModelError) -> LinearWeights {
        let bounds: LinearWeights.Bounds?
        if clipped {
            let limits = try source.small("\(name).bounds", [4]).values
            guard limits[0] <= limits[1], limits[2] <= limits[3] else {
                throw .tensor(name: "\(name).bounds", reason: "\(limits) are no lower and upper bounds")
            }
            bounds = LinearWeights.Bounds(input: limits[0]...limits[1], output: limits[2]...limits[3])
        } else {
            bounds = nil
        }
        return LinearWeights(
            weight: try source.large("\(name).weight", [outputs, inputs]),
            bias: hasBias ? try source.small("\(name).bias", [outputs]) : nil, bounds: bounds, name: name)
    }

    func dense(_ spec: DenseSpec, _ name: String) throws(ModelError) -> LinearWeights {
        try linear(name, spec.outputs, spec.inputs, spec.bias)
    }

    func norm(_ spec: NormSpec?, _ name: String, _ width: Int) throws(ModelError) -> NormWeights? {
        guard let spec else { return nil }
        var gain: Matrix?
        switch spec.gain {
        case .none: break
        case .weight: gain = try source.small("\(name).weight", [width])
        case .onePlusWeight:
            let weight = try source.small("\(name).weight", [width])
            let raised = weight.copy()
            for index in 0..<width { raised.pointer[index] += 1 }
            gain = raised
        }
        return NormWeights(
            spec: spec, gain: gain, bias: spec.bias ? try source.small("\(name).bias", [width]) : nil, name: name)
    }
}
