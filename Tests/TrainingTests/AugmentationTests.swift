import CastorNumerics
import Encoder
import Glibc
import Media
import Testing
import Training

@Suite struct AugmentationTests {
    private let image: PixelImage = {
        let size = ImageSize(width: 37, height: 23)
        return PixelImage(size: size, pixels: (0..<size.width * size.height * 3).map { UInt8($0 * 7 % 251) })
    }()

    private var all: PictureAugmentation {
        var options = PictureAugmentation()
        (options.crop, options.flip) = (0.3, 0.5)
        (options.brightness, options.contrast, options.saturation) = (0.3, 0.3, 0.3)
        return options
    }

    @Test func picturesAreFunctionsOfTheSeed() {
        let results = (0..<50).map { all(image, seed: $0) }
        #expect((0..<50).allSatisfy { all(image, seed: $0) == results[Int($0)] })
        #expect(Set(results.map(\.pixels)).count == 50)
        #expect(PictureAugmentation().isIdentity && PictureAugmentation()(image, seed: 5) == image)
    }

    @Test func cropsKeepAreaAndProportions() {
        var options = PictureAugmentation()
        options.crop = 0.5
        for seed in 0..<200 {
            let result = options(image, seed: UInt64(seed))
            let area = Double(result.width * result.height) / Double(image.width * image.height)
            // Sides are whole pixels; a crop that is too long for the picture is cut.
            #expect(area > 0.36 && area <= 1)
            let proportion = Double(result.width * image.height) / Double(result.height * image.width)
            #expect(proportion > 0.69 && proportion < 1.45)
        }
    }

    @Test func mirrorIsItsOwnInverse() {
        var options = PictureAugmentation()
        options.flip = 1
        let mirrored = options(image, seed: 1)
        #expect(mirrored != image && options(mirrored, seed: 2) == image)
        #expect(mirrored.pixels[0..<3] == image.pixels[36 * 3..<37 * 3])
    }

    @Test func soundsAreFunctionsOfTheSeed() {
        let samples = (0..<1_000).map { Float($0 % 17) / 17 - 0.5 }
        var options = SoundAugmentation()
        #expect(options.isIdentity && options(samples, seed: 3) == samples)
        options.shift = 0.5
        for seed in 0..<20 {
            let shifted = options(samples, seed: UInt64(seed))
            #expect(shifted.sorted() == samples.sorted())
        }
        (options.gain, options.noise) = (6, 20)
        #expect(options(samples, seed: 1) == options(samples, seed: 1))
        #expect(options(samples, seed: 1) != options(samples, seed: 2))
        #expect(options([], seed: 1).isEmpty)
        options.shift = 0
        options.gain = 0
        let noisy = options(samples, seed: 4)
        let power = samples.reduce(0) { $0 + $1 * $1 }
        let noise = zip(noisy, samples).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        #expect(noise > 0 && noise < 0.013 * power)
    }

    @Test func aTonePlayedFasterIsShorterAndHigher() {
        let samples = (0..<16_000).map { Float(sin(2 * Double.pi * 200 * Double($0) / 16_000)) }
        func crossings(_ samples: [Float]) -> Int { zip(samples, samples.dropFirst()).count { ($0 < 0) != ($1 < 0) } }
        var options = SoundAugmentation()
        options.rate = 0.25
        var lengths: [Int] = []
        for seed in UInt64(0)..<40 {
            let played = options(samples, seed: seed)
            lengths.append(played.count)
            // The same tone, whole: as many crossings, in another time.
            #expect(played.count >= 12_800 && played.count <= 20_000)
            #expect(abs(crossings(played) - crossings(samples)) <= 1)
        }
        #expect(lengths.contains { $0 < 14_500 } && lengths.contains { $0 > 17_500 })
        #expect(options([1], seed: 1).count == 1 && options([], seed: 1).isEmpty)
    }

    @Test func aTiltMakesBrighterOrDullerAndNotLouder() {
        let (low, high) = (100.0, 6_000.0)
        func tone(_ hertz: Double) -> [Float] {
            (0..<16_000).map { Float(sin(2 * Double.pi * hertz * Double($0) / 16_000)) }
        }
        func share(_ samples: [Float], _ hertz: Double) -> Float {
            zip(samples, tone(hertz)).reduce(0) { $0 + $1.0 * $1.1 } / 8_000
        }
        let samples = zip(tone(low), tone(high)).map { $0 + $1 }
        var options = SoundAugmentation()
        options.tilt = 0.9
        var brighter = 0
        for seed in UInt64(0)..<40 {
            let tilted = options(samples, seed: seed)
            let (a, b) = (share(samples, low), share(tilted, low))
            brighter += abs(b) < a ? 1 : 0
            let power = tilted.reduce(0) { $0 + $1 * $1 } / samples.reduce(0) { $0 + $1 * $1 }
            #expect(abs(power - 1) < 1e-3)
        }
        #expect(brighter > 5 && brighter < 35)
        #expect(options([0, 0, 0], seed: 1) == [0, 0, 0])
    }

    @Test func droppedPatchesKeepTheirPlaces() {
        let patches = Matrix(rows: 12, columns: 2, values: (0..<24).map(Float.init))
        let segment = EncoderInput.Segment.image(
            patches: patches, grid: ImageGrid(width: 4, height: 3, maxPatches: 12))
        var seen: Set<Int32> = []
        for seed in UInt64(0)..<40 {
            guard case .image(let kept, let grid) = segment.keepingPatches(0.5, SeededGenerator(seed: seed)) else {
                Issue.record("no picture")
                return
            }
            #expect(kept.rows == 6 && grid.rows == 3 && grid.columns == 4 && grid.kept?.count == 6)
            for row in 0..<6 {
                let cell = grid.cell(ofPatch: row)
                #expect(kept.row(row)[0] == Float(2 * (cell.row * 4 + cell.column)))
            }
            seen.formUnion(grid.kept ?? [])
        }
        #expect(seen.count == 12)
        let least = segment.keepingPatches(0.001, SeededGenerator(seed: 1))
        #expect(least.tokenCount == 1)
    }

    /// The encoder sees a kept patch where it was: all patches, named one by one, give what they give unnamed.
    @Test func encoderPlacesKeptPatches() throws {
        let pool = WorkerPool(threads: 1)
        let encoder = MultimodalEncoder(model: try Nano.model(pool), pool: pool)
        var random = SeededGenerator(seed: 1)
        let patches = Matrix.random(rows: 6, columns: 768, &random)
        let grid = ImageGrid(width: 3, height: 2, maxPatches: 6)
        func encode(_ patches: Matrix, _ grid: ImageGrid) throws -> [Float] {
            try encoder.encode([EncoderInput([.image(patches: patches, grid: grid)])]).values
        }
        #expect(try encode(patches, grid) == encode(patches, grid.keeping([0, 1, 2, 3, 4, 5])))
        let two = patches[4..<6]
        #expect(try encode(two, grid.keeping([4, 5])) != encode(two, grid.keeping([0, 1])))
    }
}
