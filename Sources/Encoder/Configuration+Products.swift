extension Configuration {
    /// What fields come to together. Each for itself has its range; a model folder of somebody else could still ask for gigabytes
    /// when it is opened, or for one picture.
    func checkProducts() throws(ModelError) {
        func check(_ key: String, _ factors: [(name: String, value: Int)], atMost most: Int) throws(ModelError) {
            let product = factors.reduce((value: 1, overflow: false)) { product, factor in
                let (value, overflow) = product.value.multipliedReportingOverflow(by: factor.value)
                return (value, product.overflow || overflow)
            }
            guard product.overflow || product.value > most else { return }
            let names = factors.map { "\($0.name) \($0.value)" }.joined(separator: " x ")
            throw .configuration(key: key, reason: "\(names) is more than \(most)")
        }
        let widest = ("the larger of width and mlp_width", max(width, widestMLP))
        let perPatch = ("values of a patch", imagePatchLength)
        // A matrix of a pass over the whole context, 1 GiB.
        try check("max_tokens", [("max_tokens", maxTokens), widest], atMost: Self.mostActivations)

        // The Fourier basis and the mel triangles, 64 MiB each, which opening computes.
        let (window, fft) = (("window_length", audio.windowLength), ("fft_length", audio.fftLength))
        let frames = ("frames a second", audio.sampleRate / audio.hopLength)
        try check("audio.fft_length", [window, fft], atMost: Self.mostTable)
        try check("audio.mel_bands", [("mel_bands", audio.melBands), fft], atMost: Self.mostTable)
        // Memory and time of a sound.
        try check("audio.hop_length", [frames, ("mel_bands", audio.melBands)], atMost: Self.mostSpectrum)
        try check("audio.hop_length", [frames, window, fft], atMost: Self.mostTransform)

        // What the vision tower reads of a picture, a video and a page, and widens.
        var pictures = [("image.max_patches", [("max_patches", image.maxPatches)])]
        if let video {
            pictures.append(
                ("video.max_patches", [("max_frames", video.maxFrames), ("max_patches", video.maxPatches)]))
        }
        if let document { pictures.append(("document.max_patches", [("max_patches", document.maxPatches)])) }
        for (key, patches) in pictures {
            try check(key, patches + [perPatch], atMost: Self.mostPatches)
            try check(key, patches + [widest], atMost: Self.mostActivations)
        }
    }

    private static let mostActivations = 1 << 28
    private static let mostTable = 1 << 24
    /// Values a second; 180 s are 190 MB.
    private static let mostSpectrum = 1 << 18
    /// Multiplications a second of sound, a hundred times as many as docs/model.md's.
    private static let mostTransform = 1 << 31
    private static let mostPatches = 1 << 26
}
