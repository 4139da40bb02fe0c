import Encoder

/// What a family's file makes of a checkpoint: the model as data, and where its tensors come from.
struct FamilyPlan {
    var text: TextSpec?
    var image: ImageSpec?
    var audio: AudioSpec?
    var body: BodySpec?
    /// Ids around a picture.
    var pictureMarks: MediumMarks?
    /// Ids around a sound.
    var soundMarks: MediumMarks?
    /// Of each stack, and of what is outside of stacks.
    var names: [TensorNames]
    /// What sentence-transformers does by default, where the folder does not say.
    var pooling: VectorSpec.Pooling
    var maxTokens: Int
    /// Sizes that it was trained for beside the full one, which no file says.
    var matryoshkaDimensions: [Int] = []
    /// Between two texts that follow each other, where that is not the end of a line.
    var textJoint: String?
    /// The whole of a static table's embedding.
    var table: GatheredRows?
    /// Where that of `tokenizer.json` does not count.
    var sequence: SequenceSpec?
    /// In front of the checkpoint's names, as "bert."
    var prefix = ""

    func has(_ medium: Modality) -> Bool {
        switch medium {
        case .text: text != nil
        case .image: image != nil
        case .audio: audio != nil
        case .video, .document: false
        }
    }

    /// Leaves a medium's tower out.
    mutating func leaveOut(_ medium: Modality) {
        switch medium {
        case .image: image = nil
        case .audio: audio = nil
        case .text, .video, .document: break
        }
    }
}

/// The families that are known, by `model_type`.
enum Family {
    private typealias Planner = (HubConfiguration, CheckpointTensors) throws(CheckpointError) -> FamilyPlan

    private static func planner(_ hub: HubConfiguration) throws(CheckpointError) -> Planner {
        guard let type = try hub.optionalText("model_type") else {
            throw hub.has("format")
                ? .unsupported("this is a model folder of Castor's already: --model takes it as it is")
                : hub.failure("model_type", "is missing")
        }
        switch type {
        case "bert", "roberta", "xlm-roberta", "camembert":
            return { (hub, tensors) throws(CheckpointError) in try BERT.plan(hub, tensors) }
        case "distilbert": return DistilBERT.plan
        case "mpnet": return MPNet.plan
        case "modernbert": return ModernBERT.plan
        case "qwen3": return Qwen3.plan
        case "gemma3_text": return Gemma3.plan
        case "embedding_gemma2": return EmbeddingGemma2.plan
        case "whisper": return Whisper.plan
        case "t5": return T5.plan
        case "clip": return CLIP.plan
        case "siglip": return SigLIP.plan
        case "dinov2": return DINOv2.plan
        case "model2vec": return StaticTable.plan
        default: throw hub.failure("model_type", "\"\(type)\" is not supported; docs/models.md lists what is")
        }
    }

    /// Whether the family is known, before any tensor is looked for.
    static func check(_ hub: HubConfiguration) throws(CheckpointError) { _ = try planner(hub) }

    static func plan(_ hub: HubConfiguration, _ tensors: CheckpointTensors) throws(CheckpointError) -> FamilyPlan {
        try planner(hub)(hub, tensors)
    }

    /// What stands in front of a name in this checkpoint.
    static func prefix(
        _ name: String, _ prefixes: [String], _ tensors: CheckpointTensors
    ) throws(CheckpointError) -> String {
        for prefix in prefixes where tensors.has(prefix + name) { return prefix }
        throw .tensor(name: name, reason: "is missing")
    }

    static func activation(_ hub: HubConfiguration, _ key: String, default name: String? = nil) throws(CheckpointError)
        -> Activation
    {
        let name = try hub.optionalText(key) ?? name ?? ""
        switch name {
        case "gelu", "gelu_python": return .gelu
        case "gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu_accurate": return .geluTanh
        case "quick_gelu": return .quickGelu
        case "silu", "swish": return .silu
        case "relu": return .relu
        default: throw hub.failure(key, "\"\(name)\" is not supported")
        }
    }

    static func headSize(_ hub: HubConfiguration, width: Int, heads: Int, key: String = "num_attention_heads")
        throws(CheckpointError) -> Int
    {
        if let size = try hub.optionalInt("head_dim", in: 2...4_096) { return size }
        guard width % heads == 0 else { throw hub.failure(key, "\(heads) does not divide the width \(width)") }
        return width / heads
    }
}
