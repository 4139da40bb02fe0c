/// The elementwise function of an MLP.
package enum Activation: String, Codable, Sendable {
    /// `x Phi(x)` by the hyperbolic tangent.
    case geluTanh
    /// `x Phi(x)` by the error function.
    case gelu
    /// `x sigmoid(1.702 x)`
    case quickGelu
    /// `x sigmoid(x)`
    case silu
    case relu
}

/// `down(activation(up x))`, or gated, `down(activation(gate x) * up x)`.
package struct FeedForwardSpec: Codable, Sendable, Equatable {
    package var hidden: Int
    package var activation: Activation
    /// The first product then has the gate's rows, and after them those of what it gates.
    package var gated: Bool
    package var bias: Bool
    /// Whether inputs and outputs of the products are cut to learned bounds.
    package var clipped: Bool?

    package init(hidden: Int, activation: Activation, gated: Bool = false, bias: Bool = false) {
        self.hidden = hidden
        self.activation = activation
        self.gated = gated
        self.bias = bias
    }
}

/// `project(activation(gate x) * P)`, P a layer's part of what the stack computed from its input (Gemma's per-layer embeddings).
package struct PerLayerInputSpec: Codable, Sendable, Equatable {
    /// Values of P.
    package var size: Int
    package var activation: Activation
    /// Of P, one weight for all layers of the stack: `P = norm(factor * project(input))`.
    package var norm: NormSpec
    package var factor: Float

    package init(size: Int, activation: Activation, norm: NormSpec, factor: Float) {
        self.size = size
        self.activation = activation
        self.norm = norm
        self.factor = factor
    }
}

/// The convolution module of a Conformer (A. Gulati et al., arXiv 2005.08100): a gated linear unit, a depthwise convolution that sees what
/// was before, norm, activation, and a product.
package struct ConvolutionSpec: Codable, Sendable, Equatable {
    /// Tokens that an output sees, its own last.
    package var kernel: Int
    package var norm: NormSpec
    package var activation: Activation
    package var clipped: Bool?

    package init(kernel: Int, norm: NormSpec, activation: Activation) {
        self.kernel = kernel
        self.norm = norm
        self.activation = activation
    }
}
