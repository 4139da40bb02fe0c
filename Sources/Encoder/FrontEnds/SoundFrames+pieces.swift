extension AudioSpec {
    /// The spectrograms of a sound's pieces (``pieces(sampleCount:)``), each with all of its tokens; none where the sound is too short.
    ///
    /// - Parameters:
    ///   - samples: 16 kHz mono, -1...1
    ///   - spectrogram: of this spec
    package func frames(_ samples: [Float], _ spectrogram: Spectrogram) -> [SoundFrames] {
        precondition(spectrogram.spec == self.spectrogram, "a spectrogram of another model")
        return pieces(sampleCount: samples.count).compactMap { piece in
            spectrogram(samples[piece]).map { SoundFrames(mel: $0, tokenCount: tokenCount(sampleCount: piece.count)) }
        }
    }
}
