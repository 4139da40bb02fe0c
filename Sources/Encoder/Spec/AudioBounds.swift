extension SpecCheck {
    /// - Parameter body: width of the body's tokens; nil where there is none
    func audio(_ audio: AudioSpec, bodyWidth body: Int?, _ outputs: Int) throws(ModelError) {
        try spectrogram(audio.spectrogram, longest: audio.longest)
        try subsampling(audio.subsampling, bands: audio.spectrogram.bands)
        try require(
            audio.tokenCount(sampleCount: audio.longest) > 0, "audio.longest",
            "\(audio.longest) samples make no token")

        var width = audio.subsampling.shapes(bands: audio.spectrogram.bands).last.map { $0.places * $0.channels } ?? 0
        if let input = audio.input {
            try dense(input, from: width, "audio.input")
            width = input.outputs
        }
        try stack(audio.stack, "audio.stack")
        try require(
            audio.stack.width == width, "audio.stack.width", "is \(audio.stack.width), tokens come with \(width)")
        if let positions = audio.positions {
            try range(positions, audio.tokenCount(sampleCount: audio.longest)...4_194_304, "audio.positions")
        }
        if let output = audio.output {
            try dense(output, from: width, "audio.output")
            width = output.outputs
        }
        try norm(audio.projectionNorm, "audio.projection_norm")
        if let projection = audio.projection {
            try dense(projection, from: width, "audio.projection")
            width = projection.outputs
        }
        if let body {
            try require(body == width, "body.stack.width", "is \(body), sounds come with \(width)")
        }
        try require(
            (audio.vector != nil) == (body == nil), "audio.vector", body != nil ? "stands beside a body" : "is missing")
        if let vector = audio.vector { try self.vector(vector, from: width, to: outputs, "audio.vector") }
    }

    private func spectrogram(_ spec: SpectrogramSpec, longest: Int) throws(ModelError) {
        let key = "audio.spectrogram"
        // Sounds are decoded to that.
        try require(spec.sampleRate == 16_000, "\(key).sample_rate", "is \(spec.sampleRate), supported: 16000")
        try range(spec.transform, 2...65_536, "\(key).transform")
        try range(spec.frame, 2...spec.transform, "\(key).frame")
        try range(spec.hop, 1...65_536, "\(key).hop")
        switch spec.edges {
        case .zeros(let before, let reach):
            try range(before, 0...65_536, "\(key).edges.zeros.before")
            try range(reach, max(1, spec.frame)...131_072, "\(key).edges.zeros.reach")
        case .mirrored(let count): try range(count, 0...65_536, "\(key).edges.mirrored")
        }
        // Ten minutes at most: what one sound needs of memory follows from it.
        try range(longest, 1...9_600_000, "audio.longest")
        if let filledTo = spec.filledTo { try range(filledTo, 1...longest, "\(key).filled_to") }
        try range(spec.bands, 1...4_096, "\(key).bands")
        let top = Double(spec.sampleRate) / 2
        try require(
            spec.lowest >= 0 && spec.lowest < spec.highest && spec.highest <= top, "\(key).highest",
            "bands must lie from \"lowest\" to \"highest\", between 0 and \(Int(top)) Hz")
        try require(spec.floor > 0 && spec.floor < 1e9, "\(key).floor", "must be a positive number")
        if let range = spec.range {
            try require(range > 0 && range.isFinite, "\(key).range", "must be a positive number")
        }
        try number(spec.offset, "\(key).offset")
        try number(spec.factor, "\(key).factor")
    }

    private func subsampling(_ spec: SubsamplingSpec, bands: Int) throws(ModelError) {
        try range(spec.layers.count, 0...8, "audio.subsampling.layers")
        for (index, layer) in spec.layers.enumerated() {
            let key = "audio.subsampling.layers.\(index)"
            try range(layer.channels, 1...16_384, "\(key).channels")
            try range(layer.kernel, 1...31, "\(key).kernel")
            try require(layer.kernel % 2 == 1, "\(key).kernel", "\(layer.kernel) is even: it has no middle")
            try range(layer.stride, 1...16, "\(key).stride")
            try norm(layer.norm, "\(key).norm")
        }
        let shapes = spec.shapes(bands: bands)
        for (index, layer) in spec.layers.enumerated() {
            let taps = spec.axes == .time ? layer.kernel : layer.kernel * layer.kernel
            let values = max(
                shapes[index + 1].places * taps * shapes[index].channels,
                shapes[index + 1].places * shapes[index + 1].channels)
            try range(values, 1...4_194_304, "audio.subsampling.layers.\(index): values of a time")
        }
    }
}
