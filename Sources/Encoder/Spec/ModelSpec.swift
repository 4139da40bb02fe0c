/// A model as data: `config.json` of format castor-2 (docs/model.md). Values are checked by ``init(json:)``.
///
/// Parts become tokens in the tower of their medium. Where there is a ``body``, the tokens of all parts then pass through it in their
/// order and make one vector; where there is none, every part has a vector of its tower's own, and a content the mean of its parts'.
package struct ModelSpec: Codable, Sendable, Equatable {
    package static let format = "castor-2"

    package var format: String
    package var name: String
    /// Who made the architecture, as their configuration calls it.
    package var family: String
    /// Tokens of one content, all parts together.
    package var maxTokens: Int
    package var outputDimensions: Int
    /// Sizes that the model was trained for, largest first.
    package var matryoshkaDimensions: [Int]
    package var text: TextSpec?
    package var image: ImageSpec?
    package var audio: AudioSpec?
    package var body: BodySpec?
    package var sequence: SequenceSpec
    /// What stands before a text, by the task's name.
    package var prompts: [String: String]
    /// The name of the prompt of a text for no task; nil for none.
    package var defaultPrompt: String?

    package init(
        name: String, family: String, maxTokens: Int, outputDimensions: Int, matryoshkaDimensions: [Int]? = nil,
        sequence: SequenceSpec
    ) {
        format = Self.format
        self.name = name
        self.family = family
        self.maxTokens = maxTokens
        self.outputDimensions = outputDimensions
        self.matryoshkaDimensions = matryoshkaDimensions ?? [outputDimensions]
        self.sequence = sequence
        prompts = [:]
    }
}

/// Token ids to tokens: a row of a table each, and what is added.
package struct TextSpec: Codable, Sendable, Equatable {
    package var vocabularySize: Int
    package var width: Int
    /// What a row is multiplied by; nil for 1.
    package var scale: Float?
    /// Learned positions: rows of their table. The first token has row `firstPosition`.
    package var positions: Int?
    package var firstPosition: Int?
    /// Whether a learned vector is added to every token (token type 0).
    package var tokenType: Bool?
    package var norm: NormSpec?
    /// What fills every text up, where the model learned to see it so.
    package var padding: PaddingSpec?
    /// From `width` to the stack's or body's, where that is another.
    package var projection: DenseSpec?
    package var stack: StackSpec?
    /// Where the model has no body.
    package var vector: VectorSpec?

    package init(vocabularySize: Int, width: Int) {
        self.vocabularySize = vocabularySize
        self.width = width
    }

    /// Ids of one text at most, as far as its positions say; nil where they do not.
    package var mostIDs: Int? { positions.map { $0 - (firstPosition ?? 0) } }
}

/// Texts filled up to one length, with tokens that the others see like any.
package struct PaddingSpec: Codable, Sendable, Equatable {
    package var length: Int
    package var id: Int32
    /// Whether in front of the text.
    package var isLeft: Bool

    package init(length: Int, id: Int32, isLeft: Bool) {
        self.length = length
        self.id = id
        self.isLeft = isLeft
    }

    func filled(_ ids: [Int32]) -> [Int32] {
        let fill = Array(repeating: id, count: max(0, length - ids.count))
        return isLeft ? fill + ids : ids + fill
    }
}

/// What all parts' tokens pass through.
package struct BodySpec: Codable, Sendable, Equatable {
    package var stack: StackSpec
    package var vector: VectorSpec

    package init(stack: StackSpec, vector: VectorSpec) {
        self.stack = stack
        self.vector = vector
    }
}

/// From tokens to a vector: pooling, and products after it. The vector is brought to length 1 afterwards.
package struct VectorSpec: Codable, Sendable, Equatable {
    package enum Pooling: String, Codable, Sendable {
        case mean, first, last
        /// Of a text, its first token with the id ``VectorSpec/endID``, or with the highest id there where that is nil.
        case end
        /// What a learned query sees (``VectorSpec/attention``).
        case attention
    }

    package var pooling: Pooling
    package var endID: Int32?
    package var attention: AttentionPoolSpec?
    package var head: [DenseSpec]

    package init(_ pooling: Pooling, head: [DenseSpec] = []) {
        self.pooling = pooling
        self.head = head
    }

    /// Spelled so that the conversion of names reads what it writes.
    private enum CodingKeys: String, CodingKey {
        case pooling, attention, head
        case endID = "endId"
    }
}

/// Pooling by attention: a learned query looks at all tokens, and an MLP adds to what it sees.
package struct AttentionPoolSpec: Codable, Sendable, Equatable {
    package var heads: Int
    package var norm: NormSpec
    /// Of the MLP.
    package var hidden: Int
    package var activation: Activation

    package init(heads: Int, norm: NormSpec, hidden: Int, activation: Activation) {
        self.heads = heads
        self.norm = norm
        self.hidden = hidden
        self.activation = activation
    }
}

package struct DenseSpec: Codable, Sendable, Equatable {
    package enum Function: String, Codable, Sendable {
        case identity, tanh
    }

    package var inputs: Int
    package var outputs: Int
    package var bias: Bool
    package var function: Function

    package init(inputs: Int, outputs: Int, bias: Bool, function: Function = .identity) {
        self.inputs = inputs
        self.outputs = outputs
        self.bias = bias
        self.function = function
    }
}

/// Ids around a content's, or where there is no body around those of each text, and what stands between two texts that follow each other.
package struct SequenceSpec: Codable, Sendable, Equatable {
    package var begin: [Int32]
    package var end: [Int32]
    package var textJoint: String
    /// Ids of which no text keeps any, as a static table's token for what is unknown.
    package var dropped: [Int32]?
    /// Characters of a text that are looked at; nil for all.
    package var mostCharacters: Int?
    /// Around the tokens of a picture: also of a page, and of each frame of a video.
    package var picture: MediumMarks?
    /// Around those of a sound, and of each part of a soundtrack.
    package var sound: MediumMarks?

    package init(begin: [Int32] = [], end: [Int32] = [], textJoint: String = "\n") {
        self.begin = begin
        self.end = end
        self.textJoint = textJoint
    }
}

/// Ids around the tokens of a picture or sound among a content's.
package struct MediumMarks: Codable, Sendable, Equatable {
    package var begin: [Int32]
    package var end: [Int32]

    package init(begin: [Int32], end: [Int32]) {
        self.begin = begin
        self.end = end
    }
}
