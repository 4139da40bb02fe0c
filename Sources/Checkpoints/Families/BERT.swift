import Encoder

/// BERT and its kin with learned positions: MiniLM, bge, e5, RoBERTa, XLM-RoBERTa, CamemBERT.
enum BERT {
    static func plan(
        _ hub: HubConfiguration, _ tensors: CheckpointTensors, prefixes: [String] = ["", "bert.", "roberta.", "model."]
    ) throws(CheckpointError) -> FamilyPlan {
        try hub.require("position_embedding_type", "absolute")
        for key in ["is_decoder", "is_causal"] { try hub.refuse(key) }
        let width = try hub.int("hidden_size", in: 1...16_384)
        let heads = try hub.int("num_attention_heads", in: 1...1_024)
        let norm = NormSpec.layer(epsilon: Float(try hub.optionalNumber("layer_norm_eps") ?? 1e-12))
        let attention = AttentionSpec(
            heads: heads, headSize: try Family.headSize(hub, width: width, heads: heads), bias: true)
        let mlp = FeedForwardSpec(
            hidden: try hub.int("intermediate_size"), activation: try Family.activation(hub, "hidden_act"), bias: true)
        let layer = LayerSpec([
            BranchSpec(.attention(attention), after: norm), BranchSpec(.feedForward(mlp), after: norm),
        ])
        let positions = try hub.int("max_position_embeddings")
        // RoBERTa's positions begin behind the row of the padding.
        let isBERT = try hub.optionalText("model_type") == "bert"
        let first = isBERT ? 0 : (try hub.optionalInt("pad_token_id") ?? 1) + 1
        guard first < positions else { throw hub.failure("max_position_embeddings", "\(positions) leaves no position") }

        var text = TextSpec(vocabularySize: try hub.int("vocab_size", in: 1...4_194_304), width: width)
        text.positions = positions
        text.firstPosition = first
        text.tokenType = try hub.optionalInt("type_vocab_size") ?? 2 > 0
        text.norm = norm
        text.stack = StackSpec(
            width: width, layers: Array(repeating: layer, count: try hub.int("num_hidden_layers", in: 1...256)))
        let prefix = try Family.prefix(
            "embeddings.word_embeddings.weight", prefixes, tensors)
        return FamilyPlan(text: text, names: [names], pooling: .mean, maxTokens: positions - first, prefix: prefix)
    }

    static let names = TensorNames(
        layer: "encoder.layer.{}.",
        inLayer: [
            "0.qkv": ["attention.self.query", "attention.self.key", "attention.self.value"],
            "0.output": ["attention.output.dense"], "0.after": ["attention.output.LayerNorm"],
            "1.up": ["intermediate.dense"], "1.down": ["output.dense"], "1.after": ["output.LayerNorm"],
        ],
        others: [
            "text.embedding": ["embeddings.word_embeddings"], "text.positions": ["embeddings.position_embeddings"],
            "text.token_type": ["embeddings.token_type_embeddings.weight"],
            "text.embedding_norm": ["embeddings.LayerNorm"],
        ],
        firstRows: ["text.token_type"])
}
