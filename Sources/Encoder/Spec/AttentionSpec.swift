import Glibc

/// Self-attention of one branch.
package struct AttentionSpec: Codable, Sendable, Equatable {
    /// Which keys a query sees, of its own sequence.
    package enum Keys: Sendable, Equatable {
        case all
        /// Those up to its own.
        case causal
        /// From `before` in front of its own to `after` behind it, its own included.
        case window(before: Int, after: Int)
    }

    /// How queries and keys know their places.
    package enum Position: Sendable, Equatable {
        /// They do not, or the tokens themselves say.
        case none
        case rotary(RotarySpec)
        /// A learned number a head, added to each score, by the distance of key and query in buckets (T5, MPNet). The table belongs to the
        /// stack, which has one for all layers.
        case relativeBias(RelativeBiasSpec)
        /// A learned row for each distance 0...before, multiplied with the query and added to the score (Conformer). Only with a window
        /// that ends at the query.
        case relativeKeys
    }

    package var heads: Int
    /// Heads of keys and values: query head h uses `h * keyHeads / heads`.
    package var keyHeads: Int
    package var headSize: Int
    /// What scores are multiplied by; usually 1 / sqrt(head size).
    package var scale: Float
    package var keys: Keys
    package var position: Position
    /// Whether queries, keys and values have a bias.
    package var bias: Bool
    package var outputBias: Bool
    /// Of each head's queries, keys and values, before their rotation.
    package var queryNorm: NormSpec?
    package var keyNorm: NormSpec?
    package var valueNorm: NormSpec?
    /// Whether a learned vector of the head's size multiplies each query.
    package var queryScale: Bool?
    /// What keys are multiplied by.
    package var keyScale: Float?
    /// `cap * tanh(score / cap)` replaces a score.
    package var cap: Float?
    /// Whether inputs and outputs of the products are cut to learned bounds.
    package var clipped: Bool?

    package init(
        heads: Int, keyHeads: Int? = nil, headSize: Int, scale: Float? = nil, keys: Keys = .all,
        position: Position = .none, bias: Bool = false, outputBias: Bool? = nil
    ) {
        self.heads = heads
        self.keyHeads = keyHeads ?? heads
        self.headSize = headSize
        self.scale = scale ?? 1 / Float(headSize).squareRoot()
        self.keys = keys
        self.position = position
        self.bias = bias
        self.outputBias = outputBias ?? bias
    }

    /// Values of a token's queries, keys and values, side by side.
    package var rowLength: Int { (heads + 2 * keyHeads) * headSize }
    package var queryLength: Int { heads * headSize }
}

extension AttentionSpec.Keys: Codable {
    private struct Window: Codable {
        let before: Int
        let after: Int
    }

    package init(from decoder: any Decoder) throws {
        let own = try SpecCase(decoder)
        switch own.name {
        case "all": self = try own.plain(.all)
        case "causal": self = try own.plain(.causal)
        case "window":
            let window = try own.value(Window.self)
            self = .window(before: window.before, after: window.after)
        default: throw own.unknown()
        }
    }

    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .all: try SpecCase.write("all", to: encoder)
        case .causal: try SpecCase.write("causal", to: encoder)
        case .window(let before, let after):
            try SpecCase.write("window", Window(before: before, after: after), to: encoder)
        }
    }
}

extension AttentionSpec.Position: Codable {
    package init(from decoder: any Decoder) throws {
        let own = try SpecCase(decoder)
        switch own.name {
        case "none": self = try own.plain(.none)
        case "rotary": self = .rotary(try own.value())
        case "relativeBias": self = .relativeBias(try own.value())
        case "relativeKeys": self = try own.plain(.relativeKeys)
        default: throw own.unknown()
        }
    }

    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .none: try SpecCase.write("none", to: encoder)
        case .rotary(let rotary): try SpecCase.write("rotary", rotary, to: encoder)
        case .relativeBias(let bias): try SpecCase.write("relativeBias", bias, to: encoder)
        case .relativeKeys: try SpecCase.write("relativeKeys", to: encoder)
        }
    }
}

/// Rotary position embedding (J. Su et al., arXiv 2104.09864): pairs of a head's values are turned by `position * base^(-i / pairs)`.
package struct RotarySpec: Codable, Sendable, Hashable {
    /// What a token's position is.
    package enum Axes: String, Codable, Sendable {
        /// Its place in the sequence.
        case sequence
        /// Row and column of a picture's patch: pair i of the whole head belongs to the row in the first half of the pairs, to the
        /// column in the second (castor-1).
        case rowThenColumn
        /// The same with pairs inside each half of the head, the column's half first (Gemma 4).
        case columnHalfThenRowHalf
    }

    package var base: Double
    package var axes: Axes
    /// Values of a head that are turned, from its first on; nil for all.
    package var dimensions: Int?

    package init(base: Double, axes: Axes = .sequence, dimensions: Int? = nil) {
        self.base = base
        self.axes = axes
        self.dimensions = dimensions
    }
}

/// Buckets of distances: exact up to half of those on a side, then growing with the logarithm (C. Raffel et al., arXiv 1910.10683).
package struct RelativeBiasSpec: Codable, Sendable, Equatable {
    package var buckets: Int
    package var maxDistance: Int

    package init(buckets: Int, maxDistance: Int) {
        self.buckets = buckets
        self.maxDistance = maxDistance
    }

    /// The bucket of a key `distance` tokens behind the query (negative: before it), when both sides are seen.
    package func bucket(_ distance: Int) -> Int {
        let side = buckets / 2
        let start = distance > 0 ? side : 0
        let apart = distance.magnitude
        let exact = side / 2
        if apart < exact { return start + Int(apart) }
        // In single precision and cut, as the reference does it: the borders of the buckets depend on it.
        let growth = logf(Float(apart) / Float(exact)) / Float(log(Double(maxDistance) / Double(exact)))
        return start + min(exact + Int(growth * Float(side - exact)), side - 1)
    }
}
