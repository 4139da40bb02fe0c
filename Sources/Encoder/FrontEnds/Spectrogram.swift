package import CastorNumerics
import Glibc

/// The spectrogram of ``SpectrogramSpec``, a pure function of the samples.
///
/// Computed in double precision: beside a loud tone, the rounding of single precision is as large as the floor that tells weak bands from
/// silence, and the error of their logarithms 1e-2. A second of sound takes about a millisecond.
package struct Spectrogram: Sendable {
    private typealias Complex = FourierTransform.Complex

    package let spec: SpectrogramSpec
    private let transform: FourierTransform
    private let window: [Double]
    /// Of each band its first bin and the weights from there on.
    private let filters: [(first: Int, weights: [Double])]

    /// - Precondition: the spec was checked.
    package init(_ spec: SpectrogramSpec) {
        self.spec = spec
        transform = FourierTransform(count: spec.transform)
        // In single precision, as models were trained with.
        window = (0..<spec.frame).map {
            Double(Float(0.5 - 0.5 * cos(2 * Double.pi * Double($0) / Double(spec.frame))))
        }
        filters = MelBands(spec).filters
    }

    /// - Parameter samples: mono, of the spec's rate, -1...1; one piece (``AudioSpec/pieces(sampleCount:)``)
    /// - Returns: `[frames, bands]`; nil where there are too few samples for a frame
    package func callAsFunction(_ samples: ArraySlice<Float>) -> Matrix? {
        let frames = spec.frameCount(sampleCount: samples.count)
        guard frames > 0 else { return nil }
        let result = Matrix(rows: frames, columns: spec.bands)
        let size = spec.transform
        let room = UnsafeMutablePointer<Complex>.allocate(capacity: 2 * size)
        defer { room.deallocate() }
        room.initialize(repeating: .zero, count: 2 * size)
        var spectrum = [Double](repeating: 0, count: size / 2 + 1)
        samples.withUnsafeBufferPointer { samples in
            // Two frames at once, one as the real part and the other one as the imaginary.
            for first in stride(from: 0, to: frames, by: 2) {
                for index in 0..<spec.frame {
                    room[index] = Complex(
                        sample(samples, first, index),
                        first + 1 < frames ? sample(samples, first + 1, index) : 0)
                    room[index] *= window[index]
                }
                for index in spec.frame..<size { room[index] = .zero }
                transform(room, room: room + size)
                for own in 0..<min(2, frames - first) {
                    for bin in spectrum.indices {
                        spectrum[bin] = strength(room[bin], room[(size - bin) % size], isSecond: own == 1)
                    }
                    filter(spectrum, into: result.row(first + own))
                }
            }
        }
        finish(result)
        return result
    }

    package func callAsFunction(_ samples: [Float]) -> Matrix? { self(samples[...]) }

    private func sample(_ samples: UnsafeBufferPointer<Float>, _ frame: Int, _ index: Int) -> Double {
        var place = frame * spec.hop + index
        switch spec.edges {
        case .zeros(let before, _): place -= before
        case .mirrored(let count):
            place -= count
            let length = max(samples.count, spec.filledTo ?? 0)
            while place < 0 || place >= length {
                place = place < 0 ? -place : 2 * (length - 1) - place
                if length == 1 { place = 0 }
            }
        }
        return samples.indices.contains(place) ? Double(samples[place]) : 0
    }

    /// Of one of two real signals whose transforms were made as one, from that one's values at bins k and -k.
    private func strength(_ value: Complex, _ opposite: Complex, isSecond: Bool) -> Double {
        let (real, imaginary) =
            isSecond
            ? (value.y + opposite.y, value.x - opposite.x) : (value.x + opposite.x, value.y - opposite.y)
        let power = (real * real + imaginary * imaginary) / 4
        return spec.spectrum == .power ? power : power.squareRoot()
    }

    private func filter(_ spectrum: [Double], into row: UnsafeMutablePointer<Float>) {
        for (band, filter) in filters.enumerated() {
            var sum = 0.0
            for (index, weight) in filter.weights.enumerated() { sum += weight * spectrum[filter.first + index] }
            let value = spec.floorIs == .added ? sum + spec.floor : max(sum, spec.floor)
            row[band] = Float(spec.logarithm == .natural ? log(value) : log10(value))
        }
    }

    private func finish(_ mel: Matrix) {
        let values = UnsafeMutableBufferPointer(start: mel.pointer, count: mel.count)
        if let range = spec.range {
            let least = values.reduce(-Float.infinity) { max($0, $1) } - range
            for index in values.indices { values[index] = max(values[index], least) }
        }
        let (offset, factor) = (spec.offset ?? 0, spec.factor ?? 1)
        if offset != 0 || factor != 1 {
            for index in values.indices { values[index] = (values[index] + offset) * factor }
        }
    }
}

/// Triangles over the bins of a Fourier transform.
private struct MelBands {
    let spec: SpectrogramSpec

    init(_ spec: SpectrogramSpec) { self.spec = spec }

    var filters: [(first: Int, weights: [Double])] {
        let (low, high) = (mel(spec.lowest), mel(spec.highest))
        let corners = (0..<spec.bands + 2).map { hertz(low + (high - low) * Double($0) / Double(spec.bands + 1)) }
        let bins = spec.transform / 2 + 1
        return (0..<spec.bands).map { band in
            let (left, top, right) = (corners[band], corners[band + 1], corners[band + 2])
            let scale = spec.dividesByWidth ? 2 / (right - left) : 1
            let weights = (0..<bins).map { bin in
                let frequency = Double(bin) * Double(spec.sampleRate) / Double(spec.transform)
                return scale * max(0, min((frequency - left) / (top - left), (right - frequency) / (right - top)))
            }
            guard let first = weights.firstIndex(where: { $0 > 0 }), let last = weights.lastIndex(where: { $0 > 0 })
            else { return (0, []) }
            return (first, Array(weights[first...last]))
        }
    }

    /// Slaney's scale: hertz of a band below the knee, and from there on the growth of a band.
    private static let (linear, knee, growth) = (200.0 / 3, 1_000.0, log(6.4) / 27)

    private func mel(_ hertz: Double) -> Double {
        switch spec.scale {
        case .htk: 2_595 * log10(1 + hertz / 700)
        case .slaney:
            hertz < Self.knee
                ? hertz / Self.linear : Self.knee / Self.linear + log(hertz / Self.knee) / Self.growth
        }
    }

    private func hertz(_ mel: Double) -> Double {
        switch spec.scale {
        case .htk: 700 * (pow(10, mel / 2_595) - 1)
        case .slaney:
            mel < Self.knee / Self.linear
                ? mel * Self.linear : Self.knee * exp(Self.growth * (mel - Self.knee / Self.linear))
        }
    }
}
