package import CastorNumerics
import Glibc
import Synchronization

/// The log-mel spectrogram of docs/model.md section 4: frames times a windowed Fourier basis, power, mel triangles, logarithm.
package struct LogMel: Sendable {
    private let audio: Configuration.Audio
    private let tables = TableMaking()

    private struct Tables: Sendable {
        /// Windowed cosines then sines, `[2 * bins, window length]`
        let basis: Matrix
        /// Mel triangles, `[bands, bins]`
        let filters: Matrix
    }

    /// Made by the first sound: a text needs none.
    private final class TableMaking: Sendable {
        private let tables = Mutex(Tables?.none)

        func callAsFunction(_ audio: Configuration.Audio) -> Tables {
            tables.withLock { tables in
                if let tables { return tables }
                let made = Tables(basis: fourierBasis(audio), filters: melFilters(audio))
                tables = made
                return made
            }
        }
    }

    private var bins: Int { audio.fftLength / 2 + 1 }

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
        let windows = Matrix(rows: min(chunk, frames), columns: audio.windowLength)
        let spectrum = Matrix(rows: min(chunk, frames), columns: 2 * bins)
        for start in stride(from: 0, to: frames, by: chunk) {
            let rows = start..<min(start + chunk, frames)
            copyFrames(samples, rows, into: windows)
            gemm(Block(windows[0..<rows.count]), .no, Block(tables.basis), .yes, into: Block(spectrum[0..<rows.count]))
            for row in 0..<rows.count { power(spectrum.row(row)) }
            let powers = Block(spectrum, rows: 0..<rows.count, columns: 0..<bins)
            gemm(powers, .no, Block(tables.filters), .yes, into: Block(result[rows]))
        }
        normalise(result)
        return result
    }

    private func copyFrames(_ samples: [Float], _ rows: Range<Int>, into windows: Matrix) {
        samples.withUnsafeBufferPointer { samples in
            for (index, row) in rows.enumerated() {
                let start = row * audio.hopLength
                let present = max(0, min(audio.windowLength, samples.count - start))
                let window = windows.row(index)
                if present > 0 { window.update(from: samples.baseAddress! + start, count: present) }
                (window + present).update(repeating: 0, count: audio.windowLength - present)
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

    private static func fourierBasis(_ audio: Configuration.Audio) -> Matrix {
        let bins = audio.fftLength / 2 + 1
        let basis = Matrix(rows: 2 * bins, columns: audio.windowLength)
        // One turn of the circle is enough: the angle of bin k at sample i is k i / fftLength turns.
        let turn = (0..<audio.fftLength).map { 2 * Double.pi * Double($0) / Double(audio.fftLength) }
        let (cosine, sine) = (turn.map { cos($0) }, turn.map { sin($0) })
        for i in 0..<audio.windowLength {
            let hann = 0.5 - 0.5 * cos(2 * Double.pi * Double(i) / Double(audio.windowLength))
            for bin in 0..<bins {
                let place = bin * i % audio.fftLength
                basis.row(bin)[i] = Float(hann * cosine[place])
                basis.row(bins + bin)[i] = Float(hann * sine[place])
            }
        }
        return basis
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
