import Encoder

/// SigLIP, and SigLIP 2 of one resolution: texts filled up to one length whose last token speaks for them, and a ViT with a query that looks
/// at all its tokens.
enum SigLIP {
    static func plan(_ whole: HubConfiguration, _ tensors: CheckpointTensors) throws(CheckpointError) -> FamilyPlan {
        let textHub = try whole.objectOrEmpty("text_config")
        let hub = try whole.objectOrEmpty("vision_config")
        if try hub.optionalFlag("vision_use_head") == false {
            throw hub.failure("vision_use_head", "false is not supported")
        }

        let width = try textHub.optionalInt("hidden_size", in: 1...16_384) ?? 768
        var text = TextSpec(
            vocabularySize: try textHub.optionalInt("vocab_size", in: 1...4_194_304) ?? 32_000, width: width)
        let length = try textHub.optionalInt("max_position_embeddings", in: 1...65_536) ?? 64
        text.positions = length
        text.padding = try padding(tensors.folder, textHub, length: length)
        text.stack = try stack(textHub, width)
        let outputs = try textHub.optionalInt("projection_size", in: 1...65_536) ?? width
        text.vector = VectorSpec(.last, head: [DenseSpec(inputs: width, outputs: outputs, bias: true)])

        let imageWidth = try hub.optionalInt("hidden_size", in: 1...16_384) ?? 768
        let side = try hub.optionalInt("image_size", in: 1...16_384) ?? 224
        let half = [0.5, 0.5, 0.5]
        let processor = try PictureProcessor(
            tensors.folder, PictureProcessor.Defaults(side: side, crops: false, mean: half, deviation: half))
        try processor.require(side)
        let stack = try stack(hub, imageWidth)
        var image = ImageSpec(
            pixels: processor.pixels, patchSize: try hub.optionalInt("patch_size", in: 1...256) ?? 16,
            order: .channelsFirst, stack: stack)
        image.patchBias = true
        image.positions = .tokens
        image.vector = VectorSpec(.attention)
        guard case .attention(let attention)? = stack.layers.first?.branches[0].operation,
            case .feedForward(let mlp)? = stack.layers.first?.branches[1].operation, let norm = stack.finalNorm
        else { preconditionFailure("a layer of attention and MLP") }
        image.vector?.attention = AttentionPoolSpec(
            heads: attention.heads, norm: norm, hidden: mlp.hidden, activation: mlp.activation)

        var plan = FamilyPlan(text: text, names: [textNames, imageNames], pooling: .last, maxTokens: 8_192)
        plan.image = image
        return plan
    }

    private static func stack(_ hub: HubConfiguration, _ width: Int) throws(CheckpointError) -> StackSpec {
        try CLIP.stack(
            hub, width: width, heads: 12, hidden: 3_072, keys: .all, epsilon: 1e-6, activation: "gelu_pytorch_tanh")
    }

    /// The tokenizer's padding, else the model's.
    private static func padding(
        _ folder: HubFolder, _ hub: HubConfiguration, length: Int
    ) throws(CheckpointError) -> PaddingSpec {
        let file = try folder.optionalObject("tokenizer_config.json")
        var id = try hub.optionalInt("pad_token_id", in: 0...1 << 30) ?? 1
        if let token = try file?.optionalToken("pad_token"), let own = try TokenizerSkeleton(folder).added[token] {
            id = own
        }
        return PaddingSpec(
            length: length, id: Int32(id), isLeft: try file?.optionalText("padding_side") == "left")
    }

    private static let textNames = TensorNames(
        layer: "text_model.encoder.layers.{}.", inLayer: CLIP.inLayer,
        others: [
            "text.embedding": ["text_model.embeddings.token_embedding"],
            "text.positions": ["text_model.embeddings.position_embedding"],
            "text.norm": ["text_model.final_layer_norm"], "text.head.0": ["text_model.head"],
        ])

    private static let imageNames = TensorNames(
        stack: "image", layer: "vision_model.encoder.layers.{}.", inLayer: CLIP.inLayer,
        others: [
            "image.patch": ["vision_model.embeddings.patch_embedding"],
            "image.positions": ["vision_model.embeddings.position_embedding"],
            "image.norm": ["vision_model.post_layernorm"], "image.pooling.probe": ["vision_model.head.probe"],
            "image.pooling.qkv.weight": ["vision_model.head.attention.in_proj_weight"],
            "image.pooling.qkv.bias": ["vision_model.head.attention.in_proj_bias"],
            "image.pooling.output": ["vision_model.head.attention.out_proj"],
            "image.pooling.norm": ["vision_model.head.layernorm"], "image.pooling.up": ["vision_model.head.mlp.fc1"],
            "image.pooling.down": ["vision_model.head.mlp.fc2"],
        ])
}
