import Encoder

enum DistilBERT {
    static func plan(_ hub: HubConfiguration, _ tensors: CheckpointTensors) throws(CheckpointError) -> FamilyPlan {
        let width = try hub.int("dim", in: 1...16_384)
        let heads = try hub.int("n_heads", in: 1...1_024)
        let norm = NormSpec.layer(epsilon: 1e-12)
        let attention = AttentionSpec(
            heads: heads, headSize: try Family.headSize(hub, width: width, heads: heads, key: "n_heads"), bias: true)
        let mlp = FeedForwardSpec(
            hidden: try hub.int("hidden_dim"), activation: try Family.activation(hub, "activation", default: "gelu"),
            bias: true)
        let layer = LayerSpec([
            BranchSpec(.attention(attention), after: norm), BranchSpec(.feedForward(mlp), after: norm),
        ])
        var text = TextSpec(vocabularySize: try hub.int("vocab_size", in: 1...4_194_304), width: width)
        let positions = try hub.int("max_position_embeddings")
        text.positions = positions
        text.norm = norm
        text.stack = StackSpec(
            width: width, layers: Array(repeating: layer, count: try hub.int("n_layers", in: 1...256)))
        return FamilyPlan(
            text: text, names: [names], pooling: .mean, maxTokens: positions,
            prefix: try Family.prefix("embeddings.word_embeddings.weight", ["", "distilbert."], tensors))
    }

    private static let names = TensorNames(
        layer: "transformer.layer.{}.",
        inLayer: [
            "0.qkv": ["attention.q_lin", "attention.k_lin", "attention.v_lin"], "0.output": ["attention.out_lin"],
            "0.after": ["sa_layer_norm"], "1.up": ["ffn.lin1"], "1.down": ["ffn.lin2"],
            "1.after": ["output_layer_norm"],
        ],
        others: [
            "text.embedding": ["embeddings.word_embeddings"], "text.positions": ["embeddings.position_embeddings"],
            "text.embedding_norm": ["embeddings.LayerNorm"],
        ])
}
