import Encoder

enum ModernBERT {
    static func plan(_ hub: HubConfiguration, _ tensors: CheckpointTensors) throws(CheckpointError) -> FamilyPlan {
        let width = try hub.int("hidden_size", in: 1...16_384)
        let heads = try hub.int("num_attention_heads", in: 1...1_024)
        let headSize = try Family.headSize(hub, width: width, heads: heads)
        let norm = NormSpec.layer(
            epsilon: Float(try hub.optionalNumber("norm_eps") ?? 1e-5), bias: try hub.flag("norm_bias"))
        let bias = try hub.flag("attention_bias")
        let radius = try hub.optionalInt("local_attention") ?? 128
        let types = try LayerTypes(hub, default: try hub.optionalInt("global_attn_every_n_layers", in: 1...256) ?? 3)
        let rotary = try RopeBases(hub, full: "global_rope_theta", 160_000, sliding: "local_rope_theta", 10_000)
        let mlp = FeedForwardSpec(
            hidden: try hub.int("intermediate_size"),
            activation: try Family.activation(hub, "hidden_activation", default: "gelu"), gated: true,
            bias: try hub.flag("mlp_bias"))
        var layers: [LayerSpec] = []
        for (index, isFull) in types.isFull.enumerated() {
            let attention = AttentionSpec(
                heads: heads, headSize: headSize,
                keys: isFull ? .all : .window(before: radius / 2, after: radius / 2),
                position: .rotary(RotarySpec(base: isFull ? rotary.full : rotary.sliding)), bias: bias)
            // What enters the first layer is normed already.
            layers.append(
                LayerSpec([
                    BranchSpec(norm: index == 0 ? nil : norm, .attention(attention)),
                    BranchSpec(norm: norm, .feedForward(mlp)),
                ]))
        }
        var text = TextSpec(vocabularySize: try hub.int("vocab_size", in: 1...4_194_304), width: width)
        text.norm = norm
        text.stack = StackSpec(width: width, layers: layers, finalNorm: norm)
        return FamilyPlan(
            text: text, names: [names], pooling: .mean, maxTokens: try hub.int("max_position_embeddings"),
            prefix: try Family.prefix("embeddings.tok_embeddings.weight", ["", "model."], tensors))
    }

    private static let names = TensorNames(
        layer: "layers.{}.",
        inLayer: [
            "0.norm": ["attn_norm"], "0.qkv": ["attn.Wqkv"], "0.output": ["attn.Wo"], "1.norm": ["mlp_norm"],
            "1.up": ["mlp.Wi"], "1.down": ["mlp.Wo"],
        ],
        others: [
            "text.embedding": ["embeddings.tok_embeddings"], "text.embedding_norm": ["embeddings.norm"],
            "text.norm": ["final_norm"],
        ])
}
