import CastorNumerics
import Checkpoints
import Encoder
import Hashing
import Media
import TestSupport
import Testing

/// Families that see: sizes and pixels, tokens and vectors, against `transformers` in double precision.
@Suite struct PictureTests {
    static let families = ["embedding-gemma2-vision", "clip", "siglip", "dinov2", "dinov2-gated"]

    @Test(arguments: families) func pixelsAreTheReferences(family: String) throws {
        let golden = try PictureGolden(family)
        try FamilyTests.withModel(family) { model in
            let spec = try #require(model.spec.image)
            for picture in golden.pictures {
                let (image, size) = PictureGolden.resized(picture.size, spec, whole: true)
                let (width, height) = (picture.resized[0], picture.resized[1])
                var bytes: [UInt8] = []
                for y in 0..<height {
                    let first = ((size.top + y) * size.width + size.left) * 3
                    bytes += image.pixels[first..<first + 3 * width]
                }
                let digest = SHA256.digest(bytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
                #expect(digest == picture.sha256, "\(family) \(picture.size)")
                #expect(size.tokenCount == picture.tokens, "\(family) \(picture.size)")
            }
        }
    }

    @Test(arguments: families) func vectorsEqualTheReferences(family: String) throws {
        let golden = try PictureGolden(family)
        try FamilyTests.withModel(family) { model in
            let inputs = golden.inputs(try #require(model.spec.image))
            let expected = golden.contents.map(\.vector)
            let rows = FamilyTests.scaled(try model.encode(inputs), like: expected)
            for (index, row) in rows.enumerated() {
                let largest = expected[index].map(abs).max()!
                expectClose(row, expected[index].map { Float($0 / largest) }, .parity, "\(family) \(index)")
            }
        }
    }

    @Test(arguments: families, [1, 3]) func companyAndThreadsChangeNothing(family: String, threads: Int) throws {
        let golden = try PictureGolden(family)
        try FamilyTests.withModel(family, threads: threads) { model in
            let inputs = golden.inputs(try #require(model.spec.image))
            let expected = golden.contents.map(\.vector)
            let together = FamilyTests.scaled(try model.encode(inputs), like: expected)
            #expect(FamilyTests.scaled(try model.encode(inputs), like: expected) == together)
            for (index, input) in inputs.enumerated() {
                let alone = FamilyTests.scaled(try model.encode([input]), like: [expected[index]])
                expectClose(alone[0], together[index], Tolerance("company", 8e-6), "\(family) \(index)")
            }
        }
    }

    // MARK: - Towers of a body

    static let bodies = ["embedding-gemma2-vision"]

    @Test(arguments: bodies) func tokensEqualTheReferences(family: String) throws {
        let golden = try PictureGolden(family)
        try FamilyTests.withModel(family) { model in
            let spec = try #require(model.spec.image)
            let tokens = try model.tokens(of: golden.pictures.map { PictureGolden.patched($0.size, spec) })
            let expected = golden.pictures.flatMap { $0.values! }
            #expect(tokens.rows == expected.count)
            for (index, row) in FamilyTests.scaled(tokens, like: expected).enumerated() {
                let largest = expected[index].map(abs).max()!
                expectClose(row, expected[index].map { Float($0 / largest) }, .parity, "\(family), token \(index)")
            }
        }
    }

    /// A content that is cut inside a picture has that picture's first tokens.
    @Test(arguments: bodies) func aCutPictureHasItsFirstTokens(family: String) throws {
        let golden = try PictureGolden(family)
        try FamilyTests.withModel(family) { model in
            let picture = PictureGolden.patched(golden.pictures[1].size, try #require(model.spec.image))
            var cut = EncoderInput([.text([2]), .picture(picture), .text([1])])
            let isCut = cut.truncate(to: 18)
            #expect(isCut)
            guard case .picture(let first)? = cut.segments.last else { throw Unexpected() }
            #expect(first.tokenCount == 17)
            let whole = try model.tokens(of: [picture])
            #expect(try model.tokens(of: [first]).values == whole[0..<17].values)
            _ = try model.encode([cut])
        }
    }

    /// More patches than pass the tower together give what each picture gives alone.
    @Test(arguments: bodies) func groupsChangeNothing(family: String) throws {
        try FamilyTests.withModel(family) { model in
            let spec = try #require(model.spec.image)
            let pictures = [[90, 90], [91, 30], [20, 80]].map { PictureGolden.patched($0, spec) }
            let many = (0..<11).map { pictures[$0 % 3] }
            let together = try model.tokens(of: many).values
            var alone: [Float] = []
            for picture in many { alone += try model.tokens(of: [picture]).values }
            let largest = alone.map(abs).max()!
            expectClose(together.map { $0 / largest }, alone.map { $0 / largest }, Tolerance("company", 8e-6))
        }
    }

    @Test func sizesAreTheReferences() throws {
        let golden = try PictureGolden("embedding-gemma2-vision")
        try FamilyTests.withModel("embedding-gemma2-vision") { model in
            let spec = try #require(model.spec.image)
            for row in try #require(golden.sizes) {
                let size = spec.size(width: row[0], height: row[1], budget: row[2])
                #expect([size.width, size.height, size.tokenCount] == Array(row[3...]), "\(row)")
            }
        }
    }

    /// A tower that is left out takes its tensors with it, and the marks of its medium.
    @Test(arguments: bodies) func towersMayBeLeftOut(family: String) throws {
        let path = "\(Folders.fixtures)/families/\(family)"
        let whole = try Checkpoint(path: path)
        let textAlone = try Checkpoint(path: path, without: [.image])
        #expect(whole.spec.sequence.picture == MediumMarks(begin: [60], end: [64]))
        #expect(textAlone.spec.image == nil)
        #expect(textAlone.spec.sequence.picture == nil)
        #expect(!textAlone.spec.tensorShapes().contains { $0.name.hasPrefix("image.") })
        #expect(whole.spec.tensorShapes().contains { $0.name.hasPrefix("image.") })
    }

    private struct Unexpected: Error {}
}
