import Encoder
import FoundationEssentials
import Testing

/// Configurations of sound towers that nobody's import wrote.
@Suite struct AudioSpecTests {
    private static func spec() -> ModelSpec {
        var spec = ModelSpec(
            name: "a", family: "b", maxTokens: 800, outputDimensions: 6, sequence: SequenceSpec())
        let spectrogram = SpectrogramSpec(
            frame: 320, hop: 160, transform: 512, edges: .zeros(before: 160, reach: 321), spectrum: .magnitude,
            bands: 8, scale: .htk, floor: 0.001, floorIs: .added, logarithm: .natural)
        let layer = SubsamplingSpec.Layer(channels: 3, kernel: 3, stride: 2, bias: false, activation: .relu)
        var audio = AudioSpec(
            spectrogram: spectrogram, longest: 480_000,
            subsampling: SubsamplingSpec(axes: .timeAndBands, layers: [layer, layer]),
            stack: StackSpec(width: 6, layers: []))
        audio.vector = VectorSpec(.mean)
        spec.audio = audio
        return spec
    }

    @Test func whatIsWrittenIsRead() throws {
        let spec = Self.spec()
        #expect(try ModelSpec(json: spec.json) == spec)
        #expect(spec.tensorShapes().map(\.name) == ["audio.subsampling.0.weight", "audio.subsampling.1.weight"])
        #expect(spec.tensorShapes().map(\.shape) == [[3, 9], [3, 27]])
    }

    struct Change: Sendable, CustomTestStringConvertible {
        let expected: String
        let make: @Sendable (inout AudioSpec) -> Void
        var testDescription: String { expected }

        init(_ expected: String, _ make: @escaping @Sendable (inout AudioSpec) -> Void) {
            self.expected = expected
            self.make = make
        }
    }

    @Test(arguments: [
        Change("sample_rate: is 44100") { $0.spectrogram.sampleRate = 44_100 },
        Change("transform: 1 is outside") { $0.spectrogram.transform = 1 },
        Change("transform: \(Int.max) is outside") { $0.spectrogram.transform = Int.max },
        Change("frame: 513 is outside 2...512") { $0.spectrogram.frame = 513 },
        Change("hop: 0 is outside") { $0.spectrogram.hop = 0 },
        Change("edges.zeros.before: -1") { $0.spectrogram.edges = .zeros(before: -1, reach: 321) },
        Change("edges.zeros.reach: 12 is outside") { $0.spectrogram.edges = .zeros(before: 1, reach: 12) },
        Change("edges.mirrored: \(Int.max)") { $0.spectrogram.edges = .mirrored(Int.max) },
        Change("longest: 0 is outside") { $0.longest = 0 },
        Change("longest: \(Int.max) is outside") { $0.longest = Int.max },
        Change("longest: 160 samples make no token") { $0.longest = 160 },
        Change("filled_to: 480001") { $0.spectrogram.filledTo = 480_001 },
        Change("bands: 0 is outside") { $0.spectrogram.bands = 0 },
        Change("highest: bands must lie") { $0.spectrogram.highest = 8_001 },
        Change("highest: bands must lie") { $0.spectrogram.lowest = 8_000 },
        Change("floor: must be a positive number") { $0.spectrogram.floor = 0 },
        Change("range: must be a positive number") { $0.spectrogram.range = -1 },
        Change("layers.0.channels: 0") { $0.subsampling.layers[0].channels = 0 },
        Change("layers.1.kernel: 4 is even") { $0.subsampling.layers[1].kernel = 4 },
        Change("layers.1.stride: 0") { $0.subsampling.layers[1].stride = 0 },
        Change("layers.1: values of a time") { spec in
            spec.subsampling.layers[0].channels = 16_384
            spec.subsampling.layers[1].kernel = 31
        },
        Change("stack.width: is 6, tokens come with 14") { $0.subsampling.layers[1].channels = 7 },
        Change("input.inputs: is 4, 6 values come in") { $0.input = DenseSpec(inputs: 4, outputs: 6, bias: true) },
        Change("positions: 749 is outside 750") { $0.positions = 749 },
        Change("vector: is missing") { $0.vector = nil },
        Change("vector: gives 5 values") { $0.output = DenseSpec(inputs: 6, outputs: 5, bias: false) },
    ]) func valuesAreBounded(change: Change) throws {
        var spec = Self.spec()
        var audio = try #require(spec.audio)
        change.make(&audio)
        spec.audio = audio
        let error = #expect(throws: ModelError.self) { try ModelSpec(json: spec.json) }
        #expect(error?.description.contains("audio.") == true, "\(error?.description ?? "")")
        #expect(error?.description.contains(change.expected) == true, "\(error?.description ?? "")")
    }
}
