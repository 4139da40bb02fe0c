import Encoder

/// Qwen3-Embedding: a causal body whose last token says it all.
enum Qwen3 {
    static func plan(_ hub: HubConfiguration, _ tensors: CheckpointTensors) throws(CheckpointError) -> FamilyPlan {
        try hub.refuse("use_sliding_window")
        try hub.refuseFalse("is_causal")
        let isGenerative = try hub.texts("architectures").contains { $0.hasSuffix("ForCausalLM") }
        let width = try hub.int("hidden_size", in: 1...16_384)
        let heads = try hub.int("num_attention_heads", in: 1...1_024)
        let epsilon = Float(try hub.optionalNumber("rms_norm_eps") ?? 1e-6)
        var attention = AttentionSpec(
            heads: heads, keyHeads: try hub.optionalInt("num_key_value_heads", in: 1...1_024) ?? heads,
            headSize: try Family.headSize(hub, width: width, heads: heads),
            keys: .causal, position: .rotary(RotarySpec(base: try RopeBases(hub).full)),
            bias: try hub.flag("attention_bias"))
        attention.queryNorm = .rms(epsilon: epsilon)
        attention.keyNorm = .rms(epsilon: epsilon)
        let mlp = FeedForwardSpec(
            hidden: try hub.int("intermediate_size"), activation: try Family.activation(hub, "hidden_act"), gated: true)
        let layer = LayerSpec([
            BranchSpec(norm: .rms(epsilon: epsilon), .attention(attention)),
            BranchSpec(norm: .rms(epsilon: epsilon), .feedForward(mlp)),
        ])
        var text = TextSpec(vocabularySize: try hub.int("vocab_size", in: 1...4_194_304), width: width)
        text.stack = StackSpec(
            width: width, layers: Array(repeating: layer, count: try hub.int("num_hidden_layers", in: 1...256)),
            finalNorm: .rms(epsilon: epsilon))
        return FamilyPlan(
            text: text, names: [names], pooling: isGenerative ? .last : .mean,
            maxTokens: try hub.int("max_position_embeddings"),
            prefix: try Family.prefix("embed_tokens.weight", ["", "model."], tensors))
    }

    private static let names = TensorNames(
        layer: "layers.{}.",
        inLayer: [
            "0.norm": ["input_layernorm"],
            "0.qkv": ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"], "0.output": ["self_attn.o_proj"],
            "0.query_norm": ["self_attn.q_norm"], "0.key_norm": ["self_attn.k_norm"],
            "1.norm": ["post_attention_layernorm"], "1.up": ["mlp.gate_proj", "mlp.up_proj"],
            "1.down": ["mlp.down_proj"],
        ],
        others: ["text.embedding": ["embed_tokens"], "text.norm": ["norm"]])
}
