package import CastorNumerics
import Glibc
import Synchronization

/// The log-mel spectrogram of docs/model.md section 4: frames times a windowed Fourier basis, power, mel triangles, logarithm.
///
/// Power does not ask where a frame begins. Counted from the middle of the window, which is even, cosines see only sums of the two values at one
/// distance from it and sines only their differences: half the products.
package struct LogMel: Sendable {
    private let audio: Configuration.Audio
    private let tables = TableMaking()

    private struct Tables: Sendable {
        /// Windowed cosines and sines at each distance from the middle, `[bins, distances]`
        let cosines: Matrix
        let sines: Matrix
        /// Mel triangles, `[bands, bins]`
        let filters: Matrix
    }

    /// Made by the first sound: a text needs none.
    private final class TableMaking: Sendable {
        private let tables = Mutex(Tables?.none)

        func callAsFunction(_ audio: Configuration.Audio) -> Tables {
            tables.withLock { tables in
                if let tables { return tables }
                let (cosines, sines) = fourierBasis(audio)
                let made = Tables(cosines: cosines, sines: sines, filters: melFilters(audio))
                tables = made
                return made
            }
        }
    }

    private var bins: Int { audio.fftLength / 2 + 1 }
    /// The middle itself, where the length is even, and pairs of values that are equally far from it; the first value is alone, and the window zero there.
    private var distances: Int { audio.windowLength / 2 }

    /// Smallest power that is told from silence.
    private static let floor: Float = 1e-10
    /// What lies further below the loudest value of the clip, in powers of ten, is raised to this distance.
    private static let range: Float = 8

    package init(_ audio: Configuration.Audio) {
        self.audio = audio
    }

    /// Frames that cover `sampleCount` samples, a whole number of patches.
    package func frameCount(sampleCount: Int) -> Int {
        let beyond = max(0, sampleCount - audio.windowLength)
        let covering = (beyond + audio.hopLength - 1) / audio.hopLength + 1
        return (covering + audio.patchFrames - 1) / audio.patchFrames * audio.patchFrames
    }

    /// - Parameter samples: 16 kHz mono, -1...1
    /// - Returns: `[frames, mel bands]`, about -1.5...1.5
    package func callAsFunction(_ samples: [Float]) -> Matrix {
        let tables = tables(audio)
        let frames = frameCount(sampleCount: samples.count)
        let result = Matrix(rows: frames, columns: audio.melBands)
        let chunk = 256
        let folded = Matrix(rows: min(chunk, frames), columns: 2 * distances)
        let spectrum = Matrix(rows: min(chunk, frames), columns: 2 * bins)
        for start in stride(from: 0, to: frames, by: chunk) {
            let rows = start..<min(start + chunk, frames)
            let used = 0..<rows.count
            fold(samples, rows, into: folded)
            for (part, basis) in [tables.cosines, tables.sines].enumerated() {
                let values = Block(folded, rows: used, columns: part * distances..<(part + 1) * distances)
                multiply(values, basis, into: Block(spectrum, rows: used, columns: part * bins..<(part + 1) * bins))
            }
            for row in used { power(spectrum.row(row)) }
            let powers = Block(spectrum, rows: 0..<rows.count, columns: 0..<bins)
            multiply(powers, tables.filters, into: Block(result[rows]))
        }
        normalise(result)
        return result
    }

    private static let kernel = PanelKernel(.single, beside: .best)

    /// Weak bands are what rounding leaves of loud ones, and logarithms make much of it: our own kernel rounds less than BLAS,
    /// and in the same way beside any version of it.
    private func multiply(_ rows: Block, _ weights: Matrix, into result: Block) {
        if let kernel = Self.kernel, weightProduct(rows, weights: weights.pointer, into: result, kernel: kernel) {
            return
        }
        gemm(rows, .no, Block(weights), .yes, into: result)
    }

    /// Sums, then differences, of the two values at each distance from the middle of a frame; what lies beyond the samples is silence.
    private func fold(_ samples: [Float], _ rows: Range<Int>, into folded: Matrix) {
        let (length, distances) = (audio.windowLength, distances)
        let frame = FloatBuffer(count: length)
        samples.withUnsafeBufferPointer { samples in
            for (index, row) in rows.enumerated() {
                let start = row * audio.hopLength
                let present = max(0, min(length, samples.count - start))
                var values = frame.pointer
                if present == length {
                    values = UnsafeMutablePointer(mutating: samples.baseAddress! + start)
                } else {
                    if present > 0 { values.update(from: samples.baseAddress! + start, count: present) }
                    (values + present).update(repeating: 0, count: length - present)
                }
                let (sums, differences) = (folded.row(index), folded.row(index) + distances)
                // Distances are whole numbers and begin with the middle, or begin with a half.
                let (before, after) = (values + length / 2, values + (length + 1) / 2)
                for place in 0..<distances {
                    let (left, right) = (before[-place], after[place])
                    sums[place] = right + left
                    differences[place] = right - left
                }
                if length.isMultiple(of: 2) { sums[0] = before[0] }
            }
        }
    }

    /// Real and imaginary halves to their squared magnitude, in the first half.
    private func power(_ spectrum: UnsafeMutablePointer<Float>) {
        for bin in 0..<bins {
            let (real, imaginary) = (spectrum[bin], spectrum[bins + bin])
            spectrum[bin] = real * real + imaginary * imaginary
        }
    }

    private func normalise(_ mel: Matrix) {
        let values = mel.pointer
        var largest = -Float.infinity
        for index in 0..<mel.count {
            values[index] = log10f(max(values[index], Self.floor))
            largest = max(largest, values[index])
        }
        let smallest = largest - Self.range
        for index in 0..<mel.count { values[index] = (max(values[index], smallest) + 4) / 4 }
    }

    private static func fourierBasis(_ audio: Configuration.Audio) -> (cosines: Matrix, sines: Matrix) {
        let (bins, distances) = (audio.fftLength / 2 + 1, audio.windowLength / 2)
        let (cosines, sines) = (Matrix(rows: bins, columns: distances), Matrix(rows: bins, columns: distances))
        // One turn of the circle is enough, in halves of a sample: the angle of bin k at distance d is k d / fftLength turns.
        let turn = (0..<2 * audio.fftLength).map { Double.pi * Double($0) / Double(audio.fftLength) }
        let (cosine, sine) = (turn.map { cos($0) }, turn.map { sin($0) })
        for distance in 0..<distances {
            let halves = 2 * distance + audio.windowLength % 2
            let hann = 0.5 + 0.5 * cos(Double.pi * Double(halves) / Double(audio.windowLength))
            for bin in 0..<bins {
                let place = bin * halves % turn.count
                cosines.row(bin)[distance] = Float(hann * cosine[place])
                sines.row(bin)[distance] = Float(hann * sine[place])
            }
        }
        return (cosines, sines)
    }

    /// HTK mel scale, m = 2595 log10(1 + f / 700).
    private static func melFilters(_ audio: Configuration.Audio) -> Matrix {
        let bins = audio.fftLength / 2 + 1
        let top = 2595 * log10(1 + Double(audio.sampleRate) / 2 / 700)
        let corners = (0..<audio.melBands + 2).map {
            700 * (pow(10, top * Double($0) / Double(audio.melBands + 1) / 2595) - 1)
        }
        let filters = Matrix(rows: audio.melBands, columns: bins)
        for band in 0..<audio.melBands {
            let (low, centre, high) = (corners[band], corners[band + 1], corners[band + 2])
            for bin in 0..<bins {
                let frequency = Double(bin) * Double(audio.sampleRate) / Double(audio.fftLength)
                let height = min((frequency - low) / (centre - low), (high - frequency) / (high - centre))
                filters.row(band)[bin] = Float(max(0, height))
            }
        }
        return filters
    }
}
