import Encoder

extension EmbeddingGemma2 {
    /// Numbers of tokens that the model was trained with.
    private static let budgets = [70, 140, 280, 560, 1_120]

    /// Gemma 4's vision tower and its projection into the body, where the checkpoint has them.
    static func addPictures(
        to plan: inout FamilyPlan, _ whole: HubConfiguration, _ tensors: CheckpointTensors, bodyWidth: Int
    ) throws(CheckpointError) {
        guard let hub = try whole.object("vision_config"), tensors.has("\(plan.prefix)\(patch).weight") else { return }
        for key in ["standardize", "use_clipped_linears", "attention_bias"] { try hub.refuse(key) }
        let width = try hub.int("hidden_size", in: 1...16_384)
        let norm = NormSpec.rms(epsilon: Float(try hub.optionalNumber("rms_norm_eps") ?? 1e-6))
        let plain = NormSpec(.rms, epsilon: norm.epsilon, gain: .none)
        let heads = try hub.int("num_attention_heads", in: 1...1_024)
        let base = try hub.object("rope_parameters")?.optionalNumber("rope_theta") ?? 100
        var attention = AttentionSpec(
            heads: heads, keyHeads: try hub.optionalInt("num_key_value_heads", in: 1...1_024) ?? heads,
            headSize: try Family.headSize(hub, width: width, heads: heads), scale: 1,
            position: .rotary(RotarySpec(base: base, axes: .columnHalfThenRowHalf)))
        attention.queryNorm = norm
        attention.keyNorm = norm
        attention.valueNorm = plain
        let mlp = FeedForwardSpec(
            hidden: try hub.int("intermediate_size"),
            activation: try Family.activation(hub, "hidden_activation", default: "gelu_pytorch_tanh"), gated: true)
        let layer = LayerSpec([
            BranchSpec(norm: norm, .attention(attention), outputNorm: norm),
            BranchSpec(norm: norm, .feedForward(mlp), outputNorm: norm),
        ])
        let cell = try hub.optionalInt("pooling_kernel_size", in: 1...16) ?? 3
        let positions = try hub.int("position_embedding_size", in: 1...1_048_576)
        // Values between -1 and 1: the tower itself turns those of 0 to 1 into them.
        let pixels = PixelSpec(
            sizing: .budget(try budgets(tensors.folder, most: positions / cell)), mean: [0.5, 0.5, 0.5],
            deviation: [0.5, 0.5, 0.5])
        var image = ImageSpec(
            pixels: pixels, patchSize: try hub.optionalInt("patch_size", in: 1...256) ?? 16, order: .channelsLast,
            stack: StackSpec(
                width: width, layers: Array(repeating: layer, count: try hub.int("num_hidden_layers", in: 1...256))))
        image.positions = .columnsAndRows(positions)
        image.cellSize = cell
        image.factor = Float(width).squareRoot()
        image.projectionNorm = plain
        image.projection = DenseSpec(inputs: width, outputs: bodyWidth, bias: false)
        plan.image = image
        plan.names.append(visionNames)
        plan.pictureMarks = MediumMarks(
            begin: [Int32(try whole.optionalInt("boi_token_id") ?? 255_999)],
            end: [Int32(try whole.optionalInt("eoi_token_id") ?? 258_882)])
    }

    /// Those that the tables of positions have room for, and what the processor's files say of pictures and frames.
    private static func budgets(_ folder: HubFolder, most: Int) throws(CheckpointError) -> PictureBudgets {
        let processor = try folder.optionalObject("processor_config.json")
        func budget(_ name: String, _ file: String, default published: Int) throws(CheckpointError) -> Int {
            let nested = try processor?.object(name)
            let own = nested == nil ? try folder.optionalObject(file) : nested
            return try own?.optionalInt("max_soft_tokens", in: 1...65_536) ?? published
        }
        let picture = try budget("image_processor", "preprocessor_config.json", default: 280)
        let frame = try budget("video_processor", "video_preprocessor_config.json", default: 140)
        // A table too small for any of them, as of a model made for a test, has its own most.
        let fitting = Set(budgets + [picture, frame]).filter { $0 <= most }.sorted()
        let allowed = fitting.isEmpty ? [max(most, 1)] : fitting
        let largest = allowed[allowed.count - 1]
        return PictureBudgets(allowed: allowed, picture: min(picture, largest), frame: min(frame, largest))
    }

    private static let patch = "vision_tower.patch_embedder.input_proj"

    private static let visionNames = TensorNames(
        stack: "image", layer: "vision_tower.encoder.layers.{}.",
        inLayer: [
            "0.norm": ["input_layernorm"],
            "0.qkv": ["self_attn.q_proj.linear", "self_attn.k_proj.linear", "self_attn.v_proj.linear"],
            "0.output": ["self_attn.o_proj.linear"], "0.query_norm": ["self_attn.q_norm"],
            "0.key_norm": ["self_attn.k_norm"], "0.output_norm": ["post_attention_layernorm"],
            "1.norm": ["pre_feedforward_layernorm"], "1.up": ["mlp.gate_proj.linear", "mlp.up_proj.linear"],
            "1.down": ["mlp.down_proj.linear"], "1.output_norm": ["post_feedforward_layernorm"],
        ],
        others: [
            "image.patch": [patch], "image.projection": ["embed_vision.embedding_projection"],
            "image.positions.weight": ["vision_tower.patch_embedder.position_embedding_table"],
        ])
}
