/// A decoded sound: 16 kHz, mono, about -1...1, every sample finite.
package struct AudioClip: Sendable, Equatable {
    /// In Hz.
    package static let sampleRate = 16_000

    /// Empty where the file holds less than one sample at this rate.
    package let samples: [Float]

    package let notes: [MediaNote]

    package init(samples: [Float], notes: [MediaNote] = []) {
        self.samples = samples
        self.notes = notes
    }

    /// Length in seconds.
    package var seconds: Double { Double(samples.count) / Double(Self.sampleRate) }
}
