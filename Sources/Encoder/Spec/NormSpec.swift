/// A normalisation of rows.
package struct NormSpec: Codable, Sendable, Equatable {
    package enum Kind: String, Codable, Sendable {
        /// `x / sqrt(mean(x^2) + epsilon)`
        case rms
        /// `(x - mean(x)) / sqrt(variance(x) + epsilon)`
        case layer
    }

    /// What a normed row is multiplied by.
    package enum Gain: String, Codable, Sendable {
        case none
        case weight
        /// 1 + weight, as in Gemma's older families.
        case onePlusWeight
    }

    package var kind: Kind
    package var epsilon: Float
    package var gain: Gain
    /// Whether a learned vector is added at the end.
    package var bias: Bool

    package init(_ kind: Kind, epsilon: Float, gain: Gain = .weight, bias: Bool = false) {
        self.kind = kind
        self.epsilon = epsilon
        self.gain = gain
        self.bias = bias
    }

    package static func rms(epsilon: Float, gain: Gain = .weight) -> NormSpec {
        NormSpec(.rms, epsilon: epsilon, gain: gain)
    }

    package static func layer(epsilon: Float, bias: Bool = true) -> NormSpec {
        NormSpec(.layer, epsilon: epsilon, bias: bias)
    }
}
