import Encoder

/// CLIP: a causal text tower whose end speaks for the text, and a ViT whose class token speaks for the picture.
enum CLIP {
    static func plan(_ whole: HubConfiguration, _ tensors: CheckpointTensors) throws(CheckpointError) -> FamilyPlan {
        let dimensions = try whole.optionalInt("projection_dim", in: 1...65_536) ?? 512
        let textHub = try whole.objectOrEmpty("text_config")
        let hub = try whole.objectOrEmpty("vision_config")

        let width = try textHub.optionalInt("hidden_size", in: 1...16_384) ?? 512
        var text = TextSpec(
            vocabularySize: try textHub.optionalInt("vocab_size", in: 1...4_194_304) ?? 49_408, width: width)
        text.positions = try textHub.optionalInt("max_position_embeddings", in: 1...65_536) ?? 77
        text.stack = try stack(
            textHub, width: width, heads: 8, hidden: 2_048, keys: .causal, epsilon: 1e-5, activation: "quick_gelu")
        text.vector = VectorSpec(.end, head: [DenseSpec(inputs: width, outputs: dimensions, bias: false)])
        // Older files say 2, and mean the highest id.
        let end = try textHub.optionalInt("eos_token_id") ?? 49_407
        text.vector?.endID = end == 2 ? nil : Int32(end)

        let imageWidth = try hub.optionalInt("hidden_size", in: 1...16_384) ?? 768
        let side = try hub.optionalInt("image_size", in: 1...16_384) ?? 224
        let processor = try PictureProcessor(
            tensors.folder,
            PictureProcessor.Defaults(
                side: side, crops: true, mean: PictureProcessor.clipMean, deviation: PictureProcessor.clipDeviation))
        try processor.require(side)
        var image = ImageSpec(
            pixels: processor.pixels, patchSize: try hub.optionalInt("patch_size", in: 1...256) ?? 32,
            order: .channelsFirst,
            stack: try stack(
                hub, width: imageWidth, heads: 12, hidden: 3_072, keys: .all, epsilon: 1e-5, activation: "quick_gelu"))
        image.classToken = true
        image.positions = .tokens
        image.norm = .layer(epsilon: Float(try hub.optionalNumber("layer_norm_eps") ?? 1e-5))
        image.vector = VectorSpec(.first, head: [DenseSpec(inputs: imageWidth, outputs: dimensions, bias: false)])

        var plan = FamilyPlan(text: text, names: [textNames, imageNames], pooling: .last, maxTokens: 8_192)
        plan.image = image
        return plan
    }

    /// Layers of pre-norm attention and MLP with biases, and a norm at the end: CLIP's and SigLIP's towers.
    static func stack(
        _ hub: HubConfiguration, width: Int, heads: Int, hidden: Int, keys: AttentionSpec.Keys, epsilon: Double,
        activation: String
    ) throws(CheckpointError) -> StackSpec {
        let heads = try hub.optionalInt("num_attention_heads", in: 1...1_024) ?? heads
        guard width % heads == 0 else {
            throw hub.failure("num_attention_heads", "\(heads) does not divide the width \(width)")
        }
        let norm = NormSpec.layer(epsilon: Float(try hub.optionalNumber("layer_norm_eps") ?? epsilon))
        let attention = AttentionSpec(heads: heads, headSize: width / heads, keys: keys, bias: true)
        let mlp = FeedForwardSpec(
            hidden: try hub.optionalInt("intermediate_size", in: 1...1 << 24) ?? hidden,
            activation: try Family.activation(hub, "hidden_act", default: activation), bias: true)
        let layer = LayerSpec([
            BranchSpec(norm: norm, .attention(attention)), BranchSpec(norm: norm, .feedForward(mlp)),
        ])
        return StackSpec(
            width: width,
            layers: Array(repeating: layer, count: try hub.optionalInt("num_hidden_layers", in: 1...256) ?? 12),
            finalNorm: norm)
    }

    static let inLayer = [
        "0.norm": ["layer_norm1"], "0.qkv": ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
        "0.output": ["self_attn.out_proj"], "1.norm": ["layer_norm2"], "1.up": ["mlp.fc1"], "1.down": ["mlp.fc2"],
    ]

    private static let textNames = TensorNames(
        layer: "text_model.encoder.layers.{}.", inLayer: inLayer,
        others: [
            "text.embedding": ["text_model.embeddings.token_embedding"],
            "text.positions": ["text_model.embeddings.position_embedding"],
            "text.norm": ["text_model.final_layer_norm"], "text.head.0": ["text_projection"],
        ])

    private static let imageNames = TensorNames(
        stack: "image", layer: "vision_model.encoder.layers.{}.", inLayer: inLayer,
        others: [
            "image.patch": ["vision_model.embeddings.patch_embedding"],
            "image.class_token": ["vision_model.embeddings.class_embedding"],
            "image.positions": ["vision_model.embeddings.position_embedding"],
            "image.embedding_norm": ["vision_model.pre_layrnorm"], "image.norm": ["vision_model.post_layernorm"],
            "image.head.0": ["visual_projection"],
        ])
}
