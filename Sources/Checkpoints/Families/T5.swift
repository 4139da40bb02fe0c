import Encoder

/// The encoder of T5: sentence-t5, gtr-t5.
enum T5 {
    static func plan(_ hub: HubConfiguration, _ tensors: CheckpointTensors) throws(CheckpointError) -> FamilyPlan {
        let width = try hub.int("d_model", in: 1...16_384)
        let heads = try hub.int("num_heads", in: 1...1_024)
        let norm = NormSpec.rms(epsilon: Float(try hub.optionalNumber("layer_norm_epsilon") ?? 1e-6))
        let bias = RelativeBiasSpec(
            buckets: try hub.optionalInt("relative_attention_num_buckets", in: 4...65_536) ?? 32,
            maxDistance: try hub.optionalInt("relative_attention_max_distance") ?? 128)
        let attention = AttentionSpec(
            heads: heads, headSize: try hub.int("d_kv", in: 1...4_096), scale: 1, position: .relativeBias(bias))
        let kind = try hub.optionalText("feed_forward_proj") ?? "relu"
        let isGated = kind.hasPrefix("gated-")
        let activation: Activation
        switch kind {
        case "relu": activation = .relu
        // The original's gated variant has the tanh form, whatever it is called.
        case "gated-gelu": activation = .geluTanh
        case "gated-silu": activation = .silu
        default: throw hub.failure("feed_forward_proj", "\"\(kind)\" is not supported")
        }
        let mlp = FeedForwardSpec(hidden: try hub.int("d_ff"), activation: activation, gated: isGated)
        let layer = LayerSpec([
            BranchSpec(norm: norm, .attention(attention)), BranchSpec(norm: norm, .feedForward(mlp)),
        ])
        var text = TextSpec(vocabularySize: try hub.int("vocab_size", in: 1...4_194_304), width: width)
        text.stack = StackSpec(
            width: width, layers: Array(repeating: layer, count: try hub.int("num_layers", in: 1...256)),
            finalNorm: norm)
        var own = names
        if isGated { own.inLayer["1.up"] = ["layer.1.DenseReluDense.wi_0", "layer.1.DenseReluDense.wi_1"] }
        if !tensors.has("shared.weight") { own.others["text.embedding"] = ["encoder.embed_tokens"] }
        return FamilyPlan(
            text: text, names: [own], pooling: .mean,
            maxTokens: try hub.optionalInt("n_positions", in: 1...1 << 24) ?? 512)
    }

    private static let names = TensorNames(
        layer: "encoder.block.{}.",
        inLayer: [
            "0.norm": ["layer.0.layer_norm"],
            "0.qkv": ["layer.0.SelfAttention.q", "layer.0.SelfAttention.k", "layer.0.SelfAttention.v"],
            "0.output": ["layer.0.SelfAttention.o"], "1.norm": ["layer.1.layer_norm"],
            "1.up": ["layer.1.DenseReluDense.wi"], "1.down": ["layer.1.DenseReluDense.wo"],
        ],
        others: [
            "text.embedding": ["shared"], "text.norm": ["encoder.final_layer_norm"],
            "text.relative_bias": ["encoder.block.0.layer.0.SelfAttention.relative_attention_bias"],
        ])
}
