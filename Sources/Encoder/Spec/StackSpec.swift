/// A stack of layers over tokens of one width, as data. Weights are found by the names in docs/model.md.
package struct StackSpec: Codable, Sendable, Equatable {
    package var width: Int
    package var layers: [LayerSpec]
    /// After the last layer.
    package var finalNorm: NormSpec?

    package init(width: Int, layers: [LayerSpec], finalNorm: NormSpec? = nil) {
        self.width = width
        self.layers = layers
        self.finalNorm = finalNorm
    }
}

/// Branches, one after the other, each of which adds to the tokens.
package struct LayerSpec: Codable, Sendable, Equatable {
    package var branches: [BranchSpec]
    /// Of the tokens after the last branch.
    package var norm: NormSpec?
    /// Whether a learned number multiplies the tokens at the end.
    package var scaled: Bool?

    package init(_ branches: [BranchSpec], norm: NormSpec? = nil, scaled: Bool? = nil) {
        self.branches = branches
        self.norm = norm
        self.scaled = scaled
    }
}

/// `x = after(x + factor * gain * outputNorm(operation(norm(x))))`
///
/// With `norm` alone that is a pre-norm block, with `after` alone a post-norm one, with `norm` and `outputNorm` Gemma's.
package struct BranchSpec: Codable, Sendable, Equatable {
    package enum Operation: Sendable, Equatable {
        case attention(AttentionSpec)
        case feedForward(FeedForwardSpec)
        case perLayerInput(PerLayerInputSpec)
        case convolution(ConvolutionSpec)
    }

    package var norm: NormSpec?
    package var operation: Operation
    package var outputNorm: NormSpec?
    /// nil for 1.
    package var factor: Float?
    /// Whether a learned vector multiplies what is added ("layer scale").
    package var gain: Bool?
    package var after: NormSpec?

    package init(
        norm: NormSpec? = nil, _ operation: Operation, outputNorm: NormSpec? = nil, factor: Float? = nil,
        gain: Bool? = nil, after: NormSpec? = nil
    ) {
        self.norm = norm
        self.operation = operation
        self.outputNorm = outputNorm
        self.factor = factor
        self.gain = gain
        self.after = after
    }
}

extension BranchSpec.Operation: Codable {
    package init(from decoder: any Decoder) throws {
        let own = try SpecCase(decoder)
        switch own.name {
        case "attention": self = .attention(try own.value())
        case "feedForward": self = .feedForward(try own.value())
        case "perLayerInput": self = .perLayerInput(try own.value())
        case "convolution": self = .convolution(try own.value())
        default: throw own.unknown()
        }
    }

    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .attention(let spec): try SpecCase.write("attention", spec, to: encoder)
        case .feedForward(let spec): try SpecCase.write("feedForward", spec, to: encoder)
        case .perLayerInput(let spec): try SpecCase.write("perLayerInput", spec, to: encoder)
        case .convolution(let spec): try SpecCase.write("convolution", spec, to: encoder)
        }
    }
}
