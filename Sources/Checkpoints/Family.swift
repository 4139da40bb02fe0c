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
    /// In front of the checkpoint's names, as "bert."
    var prefix = ""

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
    static func plan(_ hub: HubConfiguration, _ tensors: CheckpointTensors) throws(CheckpointError) -> FamilyPlan {
        let type = try hub.optionalText("model_type") ?? ""
        switch type {
        case "bert", "roberta", "xlm-roberta", "camembert": return try BERT.plan(hub, tensors)
        case "distilbert": return try DistilBERT.plan(hub, tensors)
        case "mpnet": return try MPNet.plan(hub, tensors)
        case "modernbert": return try ModernBERT.plan(hub, tensors)
        case "qwen3": return try Qwen3.plan(hub, tensors)
        case "gemma3_text": return try Gemma3.plan(hub, tensors)
        case "embedding_gemma2": return try EmbeddingGemma2.plan(hub, tensors)
        case "whisper": return try Whisper.plan(hub, tensors)
        case "t5": return try T5.plan(hub, tensors)
        default: throw hub.failure("model_type", "\"\(type)\" is not supported")
        }
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
