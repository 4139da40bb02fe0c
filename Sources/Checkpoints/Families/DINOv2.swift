import Encoder

/// DINOv2: pictures alone.
enum DINOv2 {
    static func plan(_ hub: HubConfiguration, _ tensors: CheckpointTensors) throws(CheckpointError) -> FamilyPlan {
        let width = try hub.int("hidden_size", in: 1...16_384)
        let heads = try hub.int("num_attention_heads", in: 1...1_024)
        let norm = NormSpec.layer(epsilon: Float(try hub.optionalNumber("layer_norm_eps") ?? 1e-6))
        let headSize = try Family.headSize(hub, width: width, heads: heads)
        let attention = AttentionSpec(
            heads: heads, headSize: headSize, bias: try hub.optionalFlag("qkv_bias") ?? true, outputBias: true)
        let ratio = try hub.optionalNumber("mlp_ratio") ?? 4
        guard ratio > 0, ratio <= 64 else { throw hub.failure("mlp_ratio", "\(ratio) is outside 0...64") }
        let isGated = try hub.flag("use_swiglu_ffn")
        var hidden = Int(Double(width) * ratio)
        // Two thirds, rounded up to a multiple of 8.
        if isGated { hidden = (Int(Double(hidden * 2) / 3) + 7) / 8 * 8 }
        let mlp = FeedForwardSpec(
            hidden: hidden, activation: isGated ? .silu : try Family.activation(hub, "hidden_act", default: "gelu"),
            gated: isGated, bias: true)
        let layer = LayerSpec([
            BranchSpec(norm: norm, .attention(attention), gain: true),
            BranchSpec(norm: norm, .feedForward(mlp), gain: true),
        ])

        let side = try hub.optionalInt("image_size", in: 1...16_384) ?? 224
        let patch = try hub.optionalInt("patch_size", in: 1...256) ?? 14
        let processor = try PictureProcessor(
            tensors.folder,
            PictureProcessor.Defaults(
                side: 224, crops: true, mean: PictureProcessor.clipMean, deviation: PictureProcessor.clipDeviation))
        var image = ImageSpec(
            pixels: processor.pixels, patchSize: patch, order: .channelsFirst,
            stack: StackSpec(
                width: width, layers: Array(repeating: layer, count: try hub.int("num_hidden_layers", in: 1...256)),
                finalNorm: norm))
        image.patchBias = true
        image.classToken = true
        // Positions were learned for larger pictures than the processor makes.
        image.positions = .grid(columns: side / patch, rows: side / patch)
        image.vector = VectorSpec(.first)

        var names = names
        // As the hub's files have it, or as transformers 5 calls the modules.
        let prefix = try Family.prefix("embeddings.cls_token", ["", "dinov2."], tensors)
        if tensors.has("\(prefix)encoder.layers.0.norm1.weight") { names.layer = "encoder.layers.{}." }
        let layer0 = prefix + names.layer.replacing("{}", with: "0")
        if tensors.has("\(layer0)attention.q_proj.weight") {
            names.inLayer["0.qkv"] = ["attention.q_proj", "attention.k_proj", "attention.v_proj"]
            names.inLayer["0.output"] = ["attention.o_proj"]
        }
        if isGated {
            let isSplit = tensors.has("\(layer0)mlp.gate_proj.weight")
            names.inLayer["1.up"] = isSplit ? ["mlp.gate_proj", "mlp.up_proj"] : ["mlp.weights_in"]
            names.inLayer["1.down"] = isSplit ? ["mlp.down_proj"] : ["mlp.weights_out"]
        }
        var plan = FamilyPlan(names: [names], pooling: .first, maxTokens: 8_192, prefix: prefix)
        plan.image = image
        return plan
    }

    private static let names = TensorNames(
        stack: "image", layer: "encoder.layer.{}.",
        inLayer: [
            "0.norm": ["norm1"],
            "0.qkv": ["attention.attention.query", "attention.attention.key", "attention.attention.value"],
            "0.output": ["attention.output.dense"], "0.gain": ["layer_scale1.lambda1"], "1.norm": ["norm2"],
            "1.up": ["mlp.fc1"], "1.down": ["mlp.fc2"], "1.gain": ["layer_scale2.lambda1"],
        ],
        others: [
            "image.patch": ["embeddings.patch_embeddings.projection"], "image.class_token": ["embeddings.cls_token"],
            "image.positions.weight": ["embeddings.position_embeddings"], "image.norm": ["layernorm"],
        ])
}
