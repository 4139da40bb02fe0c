import Media
import Testing

/// HEIC and AVIF whose pictures are made of others: as many as a picture needs, and no circle. Each in a process of its own, because libheif
/// follows a circle until its stack ends.
@Suite struct HEIFItemsTests {
    private static let fixtures: [(name: String, type: MediaType)] = [
        ("rgb.heic", .image(.heic)), ("rgb.avif", .image(.avif)),
    ]

    private func made(_ kind: String, _ from: UInt16, of parts: [UInt16]) -> HEIFBuilder.Reference {
        HEIFBuilder.Reference(kind: kind, from: from, to: parts)
    }

    @Test(arguments: fixtures) func aGridIsDecoded(fixture: (name: String, type: MediaType)) throws {
        let builder = try HEIFBuilder(fixture.name)
        let tiles = [UInt16](repeating: 1, count: 12)
        let file = builder.file(
            [builder.coded, builder.grid(rows: 3, columns: 4)], [made("dimg", 2, of: tiles)], primary: 2)
        let result = try decodeBounded(file, fixture.type, megabytes: 200)
        #expect(result.verdict == "\(4 * builder.size.width) x \(3 * builder.size.height) []")
    }

    /// A list may name one tile as often as it likes.
    @Test(arguments: fixtures) func tilesAreBounded(fixture: (name: String, type: MediaType)) throws {
        let builder = try HEIFBuilder(fixture.name)
        for (side, words) in [(100, "made of more than 2048 pictures"), (150, "name more than 16384 others")] {
            let tiles = [UInt16](repeating: 1, count: side * side)
            let grid = builder.grid(rows: UInt32(side), columns: UInt32(side))
            let file = builder.file([builder.coded, grid], [made("dimg", 2, of: tiles)], primary: 2)
            let result = try decodeBounded(file, fixture.type, megabytes: 200, seconds: 1)
            #expect(result.verdict.contains(words), "\(result)")
        }
    }

    /// Four of four of four: what each names is little.
    @Test(arguments: fixtures) func gridsOfGridsAreCountedTogether(fixture: (name: String, type: MediaType)) throws {
        let builder = try HEIFBuilder(fixture.name)
        let grid = builder.grid(rows: 2, columns: 2)
        let lists = (2...7).map { made("dimg", $0, of: [$0 - 1, $0 - 1, $0 - 1, $0 - 1]) }
        let file = builder.file([builder.coded] + lists.map { _ in grid }, lists, primary: 7)
        let result = try decodeBounded(file, fixture.type, megabytes: 200, seconds: 1)
        #expect(result.verdict.contains("made of more than 2048 pictures"), "\(result)")
    }

    @Test(arguments: fixtures) func aCircleIsRefused(fixture: (name: String, type: MediaType)) throws {
        let builder = try HEIFBuilder(fixture.name)
        let (coded, grid) = (builder.coded, builder.grid(rows: 1, columns: 1))
        let words = "its pictures are made of each other"
        for (type, kind) in [("iden", "dimg"), ("grid", "dimg"), ("iovl", "dimg"), ("coded", "auxl")] {
            let item = type == "coded" ? coded : type == "grid" ? grid : builder.derived(type)
            let lists = [made(kind, 2, of: [3]), made(kind, 3, of: [2])]
            for list in [lists, [made(kind, 2, of: [2])]] {
                let file = builder.file([coded, item, item], list, primary: 2)
                let result = try decodeBounded(file, fixture.type, megabytes: 200)
                #expect(result.verdict.contains(words), "\(type): \(result)")
            }
        }
        // A long way to a picture.
        let chain = (2...100).map { made("dimg", $0, of: [$0 - 1]) }
        let file = builder.file([coded] + chain.map { _ in builder.derived("iden") }, chain, primary: 100)
        #expect(try decodeBounded(file, fixture.type, megabytes: 200).verdict.contains(words))
    }

    /// More pixels than their decoders have memory for.
    @Test func theirPixelsHaveALimitOfTheirOwn() throws {
        let builder = try HEIFBuilder("rgb.heic")
        let tiles = [UInt16](repeating: 1, count: 120 * 120)
        let grid = builder.grid(rows: 120, columns: 120)
        #expect(grid.size.width * grid.size.height > 50_000_000)
        let file = builder.file([builder.coded, grid], [made("dimg", 2, of: Array(tiles.prefix(4)))], primary: 2)
        #expect(
            throws: MediaError.imageTooLarge(width: 7_680, height: 7_680, sideLimit: 16_384, pixelLimit: 50_000_000)
        ) { try ImageDecoder.size(of: file.span.bytes, format: .heic) }
    }
}
