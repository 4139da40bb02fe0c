import Encoder

/// EmbeddingGemma 2: texts and the body here, pictures and sounds in files of their own.
enum EmbeddingGemma2 {
    static func plan(_ whole: HubConfiguration, _ tensors: CheckpointTensors) throws(CheckpointError) -> FamilyPlan {
        guard let hub = try whole.object("text_config") else { throw whole.failure("text_config", "is missing") }
        let width = try hub.int("hidden_size", in: 1...16_384)
        let norm = NormSpec.rms(epsilon: Float(try hub.optionalNumber("rms_norm_eps") ?? 1e-6))
        let plain = NormSpec(.rms, epsilon: norm.epsilon, gain: .none)
        let types = try LayerTypes(hub, default: 1)
        let bases = try RopeBases(hub, full: "rope_theta", 1_000_000, sliding: "rope_local_base_freq", 10_000)
        let radius = try hub.int("sliding_window", in: 1...1 << 24)
        let activation = try Family.activation(hub, "hidden_activation", default: "gelu_pytorch_tanh")
        let exceptions = try hub.object("per_layer_config")
        let perLayer = PerLayerInputSpec(
            size: try hub.int("hidden_size_per_layer_input"), activation: activation, norm: norm,
            factor: 1 / Float(width).squareRoot())
        var layers: [LayerSpec] = []
        for (index, isFull) in types.isFull.enumerated() {
            let own = try exception(index, exceptions)
            let heads = try hub.int("num_attention_heads", unless: own, in: 1...1_024)
            var attention = AttentionSpec(
                heads: heads,
                keyHeads: try hub.int("num_key_value_heads", unless: own, in: 1...1_024),
                headSize: try hub.int("head_dim", unless: own, in: 2...4_096), scale: 1,
                keys: isFull ? .all : .window(before: radius, after: radius),
                position: .rotary(RotarySpec(base: isFull ? bases.full : bases.sliding)))
            attention.queryNorm = norm
            attention.keyNorm = norm
            attention.valueNorm = plain
            let mlp = FeedForwardSpec(
                hidden: try hub.int("intermediate_size", unless: own), activation: activation,
                gated: true)
            layers.append(
                LayerSpec(
                    [
                        BranchSpec(norm: norm, .attention(attention), outputNorm: norm),
                        BranchSpec(norm: norm, .feedForward(mlp), outputNorm: norm),
                        BranchSpec(.perLayerInput(perLayer), outputNorm: norm),
                    ], scaled: true))
        }
        var text = TextSpec(vocabularySize: try hub.int("vocab_size", in: 1...4_194_304), width: width)
        text.scale = Float(width).squareRoot()
        let output = try whole.int("embedding_dim", unless: hub, in: 1...65_536)
        // The projection of every token commutes with their mean.
        let body = BodySpec(
            stack: StackSpec(width: width, layers: layers, finalNorm: norm),
            vector: VectorSpec(.mean, head: [DenseSpec(inputs: width, outputs: output, bias: false)]))
        var plan = FamilyPlan(
            text: text, body: body, names: [names], pooling: .mean, maxTokens: 8_192,
            prefix: try Family.prefix("language_model.embed_tokens.weight", ["", "model."], tensors))
        // Parts of a message are joined with nothing between them.
        plan.textJoint = ""
        plan.matryoshkaDimensions = [512, 256, 128]
        try addPictures(to: &plan, whole, tensors, bodyWidth: width)
        try addSounds(to: &plan, whole, tensors, bodyWidth: width)
        return plan
    }

    /// Keys are layers' numbers, with or without zeros in front.
    private static func exception(_ layer: Int, _ all: HubConfiguration?) throws(CheckpointError) -> HubConfiguration? {
        for key in ["\(layer)", layer < 10 ? "0\(layer)" : "\(layer)"] {
            if let own = try all?.object(key) { return own }
        }
        return nil
    }

    private static let names = TensorNames(
        stack: "body", layer: "language_model.layers.{}.",
        inLayer: [
            "0.norm": ["input_layernorm"],
            "0.qkv": ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"], "0.output": ["self_attn.o_proj"],
            "0.query_norm": ["self_attn.q_norm"], "0.key_norm": ["self_attn.k_norm"],
            "0.output_norm": ["post_attention_layernorm"], "1.norm": ["pre_feedforward_layernorm"],
            "1.up": ["mlp.gate_proj", "mlp.up_proj"], "1.down": ["mlp.down_proj"],
            "1.output_norm": ["post_feedforward_layernorm"], "2.gate": ["ple_block.per_layer_input_gate"],
            "2.output": ["ple_block.per_layer_projection"],
            "2.output_norm": ["ple_block.post_per_layer_input_norm"], "scale": ["layer_scalar"],
        ],
        others: [
            "text.embedding": ["language_model.embed_tokens"], "body.norm": ["language_model.norm"],
            "body.head.0": ["language_model.embedding_projection"],
            "body.per_layer_input.norm": ["language_model.ple.per_layer_projection_norm"],
        ],
        slicedByLayer: ["2.input.weight": "language_model.ple.per_layer_model_projection.weight"])
}
