/// Samples to the logarithm of their mel spectrogram, as data.
///
/// Frames are multiplied by a periodic Hann window of their length; zeros fill them up to `transform` values. Bands are triangles of height
/// 1 between points that lie evenly on the scale from `lowest` to `highest`.
package struct SpectrogramSpec: Codable, Sendable, Equatable {
    /// What lies around the sound's samples.
    package enum Edges: Sendable, Equatable {
        /// So many zeros in front. A frame counts when so many samples from its first on are there, zeros in front included.
        case zeros(before: Int, reach: Int)
        /// So many samples in front and behind, mirrored at the first and last one; a frame counts when its middle is before the end.
        case mirrored(Int)
    }

    package enum Spectrum: String, Codable, Sendable {
        case magnitude, power
    }

    package enum Scale: String, Codable, Sendable {
        /// 2595 log10(1 + f / 700)
        case htk
        /// Even up to 1,000 Hz, from there by the logarithm: 27 bands for a factor of 6.4 (M. Slaney, Auditory Toolbox).
        case slaney
    }

    package enum Floor: String, Codable, Sendable {
        /// `log(x + floor)`
        case added
        /// `log(max(x, floor))`
        case least
    }

    package enum Logarithm: String, Codable, Sendable {
        case natural, decimal
    }

    /// Samples a second.
    package var sampleRate: Int
    /// Samples of a frame.
    package var frame: Int
    /// Samples from the start of a frame to that of the next.
    package var hop: Int
    /// Values of the Fourier transform.
    package var transform: Int
    package var edges: Edges
    /// Samples that a shorter sound is filled up to with zeros; nil for none.
    package var filledTo: Int?
    package var spectrum: Spectrum
    package var bands: Int
    package var scale: Scale
    /// Whether a band is divided by half its width in Hz.
    package var dividesByWidth: Bool
    package var lowest: Double
    package var highest: Double
    package var floor: Double
    package var floorIs: Floor
    package var logarithm: Logarithm
    /// What lies further below the sound's largest value is raised to this distance.
    package var range: Float?
    /// `factor * (value + offset)` at the end; nil for 0 and 1.
    package var offset: Float?
    package var factor: Float?

    package init(
        sampleRate: Int = 16_000, frame: Int, hop: Int, transform: Int, edges: Edges, spectrum: Spectrum, bands: Int,
        scale: Scale, dividesByWidth: Bool = false, lowest: Double = 0, highest: Double = 8_000, floor: Double,
        floorIs: Floor, logarithm: Logarithm
    ) {
        self.sampleRate = sampleRate
        self.frame = frame
        self.hop = hop
        self.transform = transform
        self.edges = edges
        self.spectrum = spectrum
        self.bands = bands
        self.scale = scale
        self.dividesByWidth = dividesByWidth
        self.lowest = lowest
        self.highest = highest
        self.floor = floor
        self.floorIs = floorIs
        self.logarithm = logarithm
    }

    /// Frames of a sound of so many samples; 0 where it is too short for one.
    package func frameCount(sampleCount: Int) -> Int {
        guard sampleCount > 0 else { return 0 }
        let samples = max(sampleCount, filledTo ?? 0)
        switch edges {
        case .zeros(let before, let reach):
            return samples + before >= reach ? (samples + before - reach) / hop + 1 : 0
        case .mirrored: return samples / hop
        }
    }
}

extension SpectrogramSpec.Edges: Codable {
    private struct Zeros: Codable {
        let before: Int
        let reach: Int
    }

    package init(from decoder: any Decoder) throws {
        let own = try SpecCase(decoder)
        switch own.name {
        case "zeros":
            let zeros = try own.value(Zeros.self)
            self = .zeros(before: zeros.before, reach: zeros.reach)
        case "mirrored": self = .mirrored(try own.value())
        default: throw own.unknown()
        }
    }

    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .zeros(let before, let reach):
            try SpecCase.write("zeros", Zeros(before: before, reach: reach), to: encoder)
        case .mirrored(let count): try SpecCase.write("mirrored", count, to: encoder)
        }
    }
}
