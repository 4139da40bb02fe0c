import Encoder

/// EmbeddingGemma 1.
enum Gemma3 {
    static func plan(_ hub: HubConfiguration, _ tensors: CheckpointTensors) throws(CheckpointError) -> FamilyPlan {
        for key in ["attn_logit_softcapping", "final_logit_softcapping"] where hub.has(key) {
            throw hub.failure(key, "is not supported")
        }
        let width = try hub.int("hidden_size", in: 1...16_384)
        let heads = try hub.int("num_attention_heads", in: 1...1_024)
        let norm = NormSpec.rms(
            epsilon: Float(try hub.optionalNumber("rms_norm_eps") ?? 1e-6), gain: .onePlusWeight)
        let headSize = try Family.headSize(hub, width: width, heads: heads)
        let scalar = try hub.optionalNumber("query_pre_attn_scalar") ?? 256
        guard scalar > 0 else { throw hub.failure("query_pre_attn_scalar", "\(scalar) is not positive") }
        let isCausal = try hub.flag("use_bidirectional_attention") == false
        if isCausal { try hub.refuseFalse("is_causal") }
        // The hub's window is of both sides together, or of the one side that a causal model has.
        let window = try hub.optionalInt("sliding_window", in: 1...1 << 24) ?? 4_096
        var every = 6
        for key in ["_sliding_window_pattern", "sliding_window_pattern"] {
            if let own = try hub.optionalInt(key, in: 1...256) { every = own }
        }
        let types = try LayerTypes(hub, default: every, from: every - 1)
        let bases = try RopeBases(hub, full: "rope_theta", 1_000_000, sliding: "rope_local_base_freq", 10_000)
        let mlp = FeedForwardSpec(
            hidden: try hub.int("intermediate_size"),
            activation: try Family.activation(hub, "hidden_activation", default: "gelu_pytorch_tanh"), gated: true)
        var layers: [LayerSpec] = []
        for isFull in types.isFull {
            let keys: AttentionSpec.Keys =
                switch (isFull, isCausal) {
                case (true, true): .causal
                case (true, false): .all
                case (false, true): .window(before: window - 1, after: 0)
                case (false, false): .window(before: window / 2, after: window / 2)
                }
            var attention = AttentionSpec(
                heads: heads, keyHeads: try hub.optionalInt("num_key_value_heads", in: 1...1_024) ?? heads,
                headSize: headSize, scale: Float(1 / scalar.squareRoot()), keys: keys,
                position: .rotary(RotarySpec(base: isFull ? bases.full : bases.sliding)),
                bias: try hub.flag("attention_bias"))
            attention.queryNorm = norm
            attention.keyNorm = norm
            layers.append(
                LayerSpec([
                    BranchSpec(norm: norm, .attention(attention), outputNorm: norm),
                    BranchSpec(norm: norm, .feedForward(mlp), outputNorm: norm),
                ]))
        }
        var text = TextSpec(vocabularySize: try hub.int("vocab_size", in: 1...4_194_304), width: width)
        text.scale = Float(width).squareRoot()
        text.stack = StackSpec(width: width, layers: layers, finalNorm: norm)
        return FamilyPlan(
            text: text, names: [names], pooling: .mean, maxTokens: try hub.int("max_position_embeddings"),
            prefix: try Family.prefix("embed_tokens.weight", ["", "model."], tensors))
    }

    private static let names = TensorNames(
        layer: "layers.{}.",
        inLayer: [
            "0.norm": ["input_layernorm"],
            "0.qkv": ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"], "0.output": ["self_attn.o_proj"],
            "0.query_norm": ["self_attn.q_norm"], "0.key_norm": ["self_attn.k_norm"],
            "0.output_norm": ["post_attention_layernorm"], "1.norm": ["pre_feedforward_layernorm"],
            "1.up": ["mlp.gate_proj", "mlp.up_proj"], "1.down": ["mlp.down_proj"],
            "1.output_norm": ["post_feedforward_layernorm"],
        ],
        others: ["text.embedding": ["embed_tokens"], "text.norm": ["norm"]])
}
