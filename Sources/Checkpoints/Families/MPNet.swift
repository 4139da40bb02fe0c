import Encoder

/// BERT with biases by distance in place of token types.
enum MPNet {
    static func plan(_ hub: HubConfiguration, _ tensors: CheckpointTensors) throws(CheckpointError) -> FamilyPlan {
        var plan = try BERT.plan(hub, tensors, prefixes: ["", "mpnet."])
        let buckets = try hub.optionalInt("relative_attention_num_buckets", in: 4...65_536) ?? 32
        plan.text?.tokenType = nil
        plan.text?.stack?.setPosition(.relativeBias(RelativeBiasSpec(buckets: buckets, maxDistance: 128)))
        plan.names[0].inLayer["0.qkv"] = ["attention.attn.q", "attention.attn.k", "attention.attn.v"]
        plan.names[0].inLayer["0.output"] = ["attention.attn.o"]
        plan.names[0].inLayer["0.after"] = ["attention.LayerNorm"]
        plan.names[0].others["text.relative_bias"] = ["encoder.relative_attention_bias"]
        return plan
    }
}

extension StackSpec {
    /// Of all its attention.
    mutating func setPosition(_ position: AttentionSpec.Position) {
        for layer in layers.indices {
            for branch in layers[layer].branches.indices {
                guard case .attention(var attention) = layers[layer].branches[branch].operation else { continue }
                attention.position = position
                layers[layer].branches[branch].operation = .attention(attention)
            }
        }
    }
}
