import Encoder
import Glibc

/// The audio tower of EmbeddingGemma 2, which is Gemma 4's: a Conformer over a subsampled spectrogram.
extension EmbeddingGemma2 {
    /// Where the checkpoint has it, with its projection into the body.
    static func addSounds(
        to plan: inout FamilyPlan, _ whole: HubConfiguration, _ tensors: CheckpointTensors, bodyWidth: Int
    ) throws(CheckpointError) {
        guard let hub = try whole.object("audio_config"), tensors.has("\(plan.prefix)\(Gemma4Conformer.first).weight")
        else { return }
        let conformer = try Gemma4Conformer(hub)
        let spectrogram = try spectrogram(tensors.folder)
        // The hub's own formula for what its convolutions leave holds for no other number.
        let bands = spectrogram.bands
        guard (bands + 3) / 4 == conformer.channels[0] / 4 else {
            throw hub.failure(
                "subsampling_conv_channels", "\(conformer.channels) do not fit to \(bands) bands of the spectrogram")
        }
        var spec = AudioSpec(
            // 30 seconds
            spectrogram: spectrogram, longest: 480_000, subsampling: conformer.subsampling, stack: conformer.stack)
        spec.input = DenseSpec(
            inputs: (bands + 3) / 4 * conformer.channels[1], outputs: conformer.width, bias: false)
        spec.output = DenseSpec(inputs: conformer.width, outputs: conformer.outputs, bias: true)
        spec.projectionNorm = .rms(epsilon: conformer.epsilon, gain: .none)
        spec.projection = DenseSpec(inputs: conformer.outputs, outputs: bodyWidth, bias: false)
        plan.audio = spec
        plan.names.append(conformer.names)
        plan.soundMarks = MediumMarks(
            begin: [Int32(try whole.optionalInt("boa_token_id") ?? 256_000)],
            end: [Int32(try whole.optionalInt("eoa_token_index") ?? 258_883)])
    }

    /// What Gemma 4's extractor of features does, and the numbers that a checkpoint may set.
    private static func spectrogram(_ folder: HubFolder) throws(CheckpointError) -> SpectrogramSpec {
        let file = try SoundProcessor.file(folder)
        let rate = try file?.optionalInt("sampling_rate", in: 1...1_000_000) ?? 16_000
        for (key, none) in [("preemphasis", 0.0), ("dither", 0), ("input_scale_factor", 1)] {
            guard let file, let value = try file.optionalNumber(key), value != none else { continue }
            throw file.failure(key, "\(value) is not supported")
        }
        for key in ["per_bin_mean", "per_bin_stddev"] {
            if let file, file.has(key) { throw file.failure(key, "is not supported") }
        }
        try file?.refuse("fft_overdrive")
        func samples(_ key: String, _ milliseconds: Double) throws(CheckpointError) -> Int {
            let length = try file?.optionalNumber("\(key)_ms") ?? milliseconds
            let samples = (Double(rate) * length / 1_000).rounded(.toNearestOrEven)
            guard samples >= 1, samples <= 65_536 else {
                throw file?.failure("\(key)_ms", "\(length) is out of bounds")
                    ?? .unsupported("\(key) is out of bounds")
            }
            return Int(samples)
        }
        let frame = try samples("frame_length", 20)
        var transform = 1
        while transform < frame { transform *= 2 }
        return SpectrogramSpec(
            sampleRate: rate, frame: frame, hop: try samples("hop_length", 10), transform: transform,
            // The extractor cuts frames of one sample more, and drops that again.
            edges: .zeros(before: frame / 2, reach: frame + 1), spectrum: .magnitude,
            bands: try file?.optionalInt("feature_size", in: 1...4_096) ?? 128, scale: .htk,
            lowest: try file?.optionalNumber("min_frequency") ?? 0,
            highest: try file?.optionalNumber("max_frequency") ?? 8_000,
            floor: try file?.optionalNumber("mel_floor") ?? 0.001, floorIs: .added, logarithm: .natural)
    }
}

/// Where a folder says how sounds become features.
enum SoundProcessor {
    /// nil where it does not.
    static func file(_ folder: HubFolder) throws(CheckpointError) -> HubConfiguration? {
        if let file = try folder.optionalObject("processor_config.json"),
            let part = try file.object("feature_extractor")
        {
            return part
        }
        return try folder.optionalObject("preprocessor_config.json")
    }
}

/// `Gemma4AudioModel`, read from its configuration.
private struct Gemma4Conformer {
    private static let convolutions = "audio_tower.subsample_conv_projection"
    /// The module that shows that the tower is there.
    static let first = "\(convolutions).layer0.conv"

    let width: Int
    let outputs: Int
    let channels: [Int]
    let epsilon: Float
    let subsampling: SubsamplingSpec
    let stack: StackSpec
    let names: TensorNames

    init(_ hub: HubConfiguration) throws(CheckpointError) {
        width = try hub.optionalInt("hidden_size", in: 2...16_384) ?? 1_024
        outputs = try hub.optionalInt("output_proj_dims", in: 1...65_536) ?? 1_536
        epsilon = Float(try hub.optionalNumber("rms_norm_eps") ?? 1e-6)
        let channels = try hub.optionalInts("subsampling_conv_channels", in: 1...16_384) ?? [128, 32]
        guard channels.count == 2 else {
            throw hub.failure("subsampling_conv_channels", "has \(channels.count) entries, 2 are supported")
        }
        self.channels = channels
        let heads = try hub.optionalInt("num_attention_heads", in: 1...1_024) ?? 8
        guard width % (2 * heads) == 0 else {
            throw hub.failure("num_attention_heads", "\(heads) and 2 do not divide the width \(width)")
        }
        let before = try Self.keysBefore(hub)
        let isClipped = try hub.optionalFlag("use_clipped_linears") ?? true
        let activation = try Family.activation(hub, "hidden_act", default: "silu")
        let factor = Float(try hub.optionalNumber("residual_weight") ?? 0.5)
        let kernel = try hub.optionalInt("conv_kernel_size", in: 1...1_024) ?? 5
        // Those norms of a layer that have no number of their own in the file.
        let norm = NormSpec.rms(epsilon: 1e-6)
        let own = NormSpec.rms(epsilon: epsilon)

        var attention = AttentionSpec(
            heads: heads, headSize: width / heads, scale: 1, keys: .window(before: before, after: 0),
            position: .relativeKeys)
        attention.queryScale = true
        attention.keyScale = Float(log(1 + M_E) / log(2))
        attention.cap = Float(try hub.optionalNumber("attention_logit_cap") ?? 50)
        attention.clipped = isClipped
        var mlp = FeedForwardSpec(hidden: 4 * width, activation: activation)
        mlp.clipped = isClipped
        var convolution = ConvolutionSpec(kernel: kernel, norm: own, activation: activation)
        convolution.clipped = isClipped
        let forward = BranchSpec(norm: norm, .feedForward(mlp), outputNorm: norm, factor: factor)
        let layer = LayerSpec(
            [
                forward, BranchSpec(norm: norm, .attention(attention), outputNorm: norm),
                BranchSpec(norm: own, .convolution(convolution)), forward,
            ], norm: norm)
        stack = StackSpec(
            width: width,
            layers: Array(repeating: layer, count: try hub.optionalInt("num_hidden_layers", in: 0...256) ?? 12))
        let layerNorm = NormSpec.layer(epsilon: own.epsilon, bias: false)
        subsampling = SubsamplingSpec(
            axes: .timeAndBands,
            layers: channels.map {
                SubsamplingSpec.Layer(
                    channels: $0, kernel: 3, stride: 2, bias: false, norm: layerNorm, activation: .relu)
            })
        names = Self.names(width: width, heads: heads, before: before, kernel: kernel, channels)
    }

    /// Of a query, its own not counted. The hub computes in chunks, and shifts its relative keys rightly where those are as long as what
    /// a query sees.
    private static func keysBefore(_ hub: HubConfiguration) throws(CheckpointError) -> Int {
        let chunk = try hub.optionalInt("attention_chunk_size", in: 1...4_096) ?? 12
        let left = try hub.optionalInt("attention_context_left", in: 2...4_097) ?? 13
        let right = try hub.optionalInt("attention_context_right") ?? 0
        guard right == 0 else { throw hub.failure("attention_context_right", "\(right) is not supported") }
        guard chunk == left - 1 else {
            throw hub.failure("attention_chunk_size", "\(chunk) beside a left context of \(left) is not supported")
        }
        // Of `left - 1` keys the query itself is one.
        return left - 2
    }

    private static func names(width: Int, heads: Int, before: Int, kernel: Int, _ channels: [Int]) -> TensorNames {
        let forward = (before: "feed_forward1", behind: "feed_forward2")
        var inLayer = [
            "1.norm": ["norm_pre_attn"], "1.output_norm": ["norm_post_attn"],
            "1.query_scale": ["self_attn.per_dim_scale"], "1.relative_keys": ["self_attn.relative_k_proj.weight"],
            "2.norm": ["lconv1d.pre_layer_norm"], "2.inner_norm": ["lconv1d.conv_norm"],
            "2.kernel.weight": ["lconv1d.depthwise_conv1d.weight"], "norm": ["norm_out"],
        ]
        for (branch, name) in [("0", forward.before), ("3", forward.behind)] {
            inLayer["\(branch).norm"] = ["\(name).pre_layer_norm"]
            inLayer["\(branch).output_norm"] = ["\(name).post_layer_norm"]
        }
        let headSize = width / heads
        var made: [String: TensorMaking] = [
            "1.query_scale": queryScale(headSize: headSize),
            "1.relative_keys": relativeKeys(width: width, heads: heads, before: before),
            "2.kernel.weight": .permuted([width, 1, kernel], [2, 1, 0]),
            "audio.subsampling.0.weight": .permuted([channels[0], 1, 3, 3], [0, 2, 3, 1]),
            "audio.subsampling.1.weight": .permuted([channels[1], channels[0], 3, 3], [0, 2, 3, 1]),
        ]
        for (own, hub) in [
            ("0.up", "\(forward.before).ffw_layer_1"), ("0.down", "\(forward.before).ffw_layer_2"),
            ("1.query", "self_attn.q_proj"),
            ("1.key", "self_attn.k_proj"), ("1.value", "self_attn.v_proj"), ("1.output", "self_attn.post"),
            ("2.start", "lconv1d.linear_start"), ("2.end", "lconv1d.linear_end"),
            ("3.up", "\(forward.behind).ffw_layer_1"),
            ("3.down", "\(forward.behind).ffw_layer_2"),
        ] {
            inLayer[own] = ["\(hub).linear"]
            inLayer["\(own).bounds"] = ["input_min", "input_max", "output_min", "output_max"].map { "\(hub).\($0)" }
            made["\(own).bounds"] = .bounds
        }
        return TensorNames(
            stack: "audio", layer: "audio_tower.layers.{}.", inLayer: inLayer,
            others: [
                "audio.subsampling.0": [first],
                "audio.subsampling.0.norm": ["\(convolutions).layer0.norm"],
                "audio.subsampling.1": ["\(convolutions).layer1.conv"],
                "audio.subsampling.1.norm": ["\(convolutions).layer1.norm"],
                "audio.input": ["\(convolutions).input_proj_linear"], "audio.output": ["audio_tower.output_proj"],
                "audio.projection": ["embed_audio.embedding_projection"],
            ], made: made)
    }

    /// `softplus(scale) / (sqrt(head size) ln 2)`
    private static func queryScale(headSize: Int) -> TensorMaking {
        TensorMaking(shapes: [[headSize]]) { sources in
            sources[0].map { x in
                let x = Double(x)
                let softplus = max(x, 0) + log1p(exp(-abs(x)))
                return Float(softplus / (Double(headSize).squareRoot() * log(2)))
            }
        }
    }

    /// The projection of a sine and a cosine of each distance, the largest first: the same for every sound. Of a head, a row a distance.
    private static func relativeKeys(width: Int, heads: Int, before: Int) -> TensorMaking {
        TensorMaking(shapes: [[width, width]]) { sources in
            let (half, headSize) = (width / 2, width / heads)
            let step = Float(log(10_000) / Double(max(half - 1, 1)))
            let places = (0...before).reversed().map { distance in
                let angles = (0..<half).map { Double(distance) * Double(expf(Float($0) * -step)) }
                return angles.map { sin($0) } + angles.map { cos($0) }
            }
            var rows: [Float] = []
            for head in 0..<heads {
                for place in places {
                    for output in head * headSize..<(head + 1) * headSize {
                        var sum = 0.0
                        for input in 0..<width { sum += Double(sources[0][output * width + input]) * place[input] }
                        rows.append(Float(sum))
                    }
                }
            }
            return rows
        }
    }
}
