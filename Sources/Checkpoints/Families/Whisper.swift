import Encoder

/// Whisper's encoder: sounds alone, each the mean of its tokens.
///
/// The encoder was made for 30 seconds, and the reference fills every sound up to that with zeros; so does this. A sound's vector is the mean
/// of all 1,500 tokens, those of the filling too, as transformers classifies sounds by it. Without `filled_to` in the written `config.json`
/// a sound has its own tokens alone, and costs as much as it lasts.
enum Whisper {
    static func plan(_ hub: HubConfiguration, _ tensors: CheckpointTensors) throws(CheckpointError) -> FamilyPlan {
        let width = try hub.int("d_model", in: 1...16_384)
        let heads = try hub.int("encoder_attention_heads", in: 1...1_024)
        let activation = try Family.activation(hub, "activation_function", default: "gelu")
        let norm = NormSpec.layer(epsilon: 1e-5)
        let attention = AttentionSpec(
            heads: heads,
            headSize: try Family.headSize(hub, width: width, heads: heads, key: "encoder_attention_heads"), bias: true)
        let mlp = FeedForwardSpec(hidden: try hub.int("encoder_ffn_dim"), activation: activation, bias: true)
        let layer = LayerSpec([
            BranchSpec(norm: norm, .attention(attention)), BranchSpec(norm: norm, .feedForward(mlp)),
        ])
        let spectrogram = try spectrogram(hub, tensors.folder)
        let convolutions = [1, 2].map {
            SubsamplingSpec.Layer(channels: width, kernel: 3, stride: $0, bias: true, activation: .gelu)
        }
        var audio = AudioSpec(
            spectrogram: spectrogram, longest: spectrogram.filledTo ?? 0,
            subsampling: SubsamplingSpec(axes: .time, layers: convolutions),
            stack: StackSpec(
                width: width, layers: Array(repeating: layer, count: try hub.int("encoder_layers", in: 1...256)),
                finalNorm: norm))
        let positions = try hub.optionalInt("max_source_positions", in: 1...1 << 20) ?? 1_500
        let tokens = audio.tokenCount(sampleCount: audio.longest)
        guard positions == tokens else {
            throw hub.failure("max_source_positions", "is \(positions), the longest sound has \(tokens) tokens")
        }
        audio.positions = positions
        audio.vector = VectorSpec(.mean)
        return FamilyPlan(
            audio: audio, names: [names(width: width, bands: spectrogram.bands)], pooling: .mean, maxTokens: 8_192,
            prefix: try Family.prefix("encoder.conv1.weight", ["", "model."], tensors))
    }

    private static func spectrogram(
        _ hub: HubConfiguration, _ folder: HubFolder
    ) throws(CheckpointError) -> SpectrogramSpec {
        let file = try SoundProcessor.file(folder)
        let bands = try hub.optionalInt("num_mel_bins", in: 1...4_096) ?? 80
        if let file, let own = try file.optionalInt("feature_size"), own != bands {
            throw file.failure("feature_size", "is \(own), the configuration's num_mel_bins \(bands)")
        }
        try file?.refuse("do_normalize")
        if let file, let dither = try file.optionalNumber("dither"), dither != 0 {
            throw file.failure("dither", "\(dither) is not supported")
        }
        let rate = try file?.optionalInt("sampling_rate", in: 1...1_000_000) ?? 16_000
        let frame = try file?.optionalInt("n_fft", in: 2...65_536) ?? 400
        var spec = SpectrogramSpec(
            sampleRate: rate, frame: frame, hop: try file?.optionalInt("hop_length", in: 1...65_536) ?? 160,
            transform: frame, edges: .mirrored(frame / 2), spectrum: .power, bands: bands, scale: .slaney,
            dividesByWidth: true, floor: 1e-10, floorIs: .least, logarithm: .decimal)
        spec.filledTo = rate * (try file?.optionalInt("chunk_length", in: 1...600) ?? 30)
        spec.range = 8
        spec.offset = 4
        spec.factor = 0.25
        return spec
    }

    private static func names(width: Int, bands: Int) -> TensorNames {
        TensorNames(
            stack: "audio", layer: "encoder.layers.{}.",
            inLayer: [
                "0.norm": ["self_attn_layer_norm"],
                "0.qkv": ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
                "0.qkv.bias": ["self_attn.q_proj.bias", "self_attn.v_proj.bias"],
                "0.output": ["self_attn.out_proj"], "1.norm": ["final_layer_norm"], "1.up": ["fc1"],
                "1.down": ["fc2"],
            ],
            others: [
                "audio.subsampling.0": ["encoder.conv1"], "audio.subsampling.1": ["encoder.conv2"],
                "audio.positions": ["encoder.embed_positions"], "audio.norm": ["encoder.layer_norm"],
            ],
            made: [
                "audio.subsampling.0.weight": .permuted([width, bands, 3], [0, 2, 1]),
                "audio.subsampling.1.weight": .permuted([width, width, 3], [0, 2, 1]),
                // Keys have none.
                "0.qkv.bias": TensorMaking(shapes: [[width], [width]]) { sources in
                    sources[0] + [Float](repeating: 0, count: width) + sources[1]
                },
            ])
    }
}
