import Castor
import Encoder
import FoundationEssentials
import Media
import TestSupport
import Testing
import Training

/// Videos and documents in training data.
@Suite struct MediaSamplesTests {
    private let sample = Sample(
        query: ["a disc crosses", .clip(.file("media/clip.mp4"), VideoMetadata(endOffset: 2))],
        positive: [.file("media/two-pages.pdf")])

    private func prepare(_ cache: FrontEndCache?) throws -> [UInt32] {
        let preparation = SamplePreparation(
            try Nano.preparation(), cache: cache, options: SampleOptions(), folder: Folders.fixtures)
        let prepared = try preparation(sample, seed: 4)
        #expect(prepared.query.segments.map(\.modality) == [.text, .video])
        #expect(prepared.positive?.segments.map(\.modality) == [.document, .document, .document])
        return prepared.query.bits + (prepared.positive?.bits ?? [])
    }

    @Test func theCacheGivesBackWhatWasMade() throws {
        try DataFolder.with { folder in
            let plain = try prepare(nil)
            func open() throws -> FrontEndCache {
                try FrontEndCache(
                    dataSet: "clips", identity: Nano.identity(),
                    options: .init(folder: "\(folder.path)/cache"))
            }
            do {
                let cache = try open()
                #expect(try prepare(cache) == plain && cache.counts.misses == 2 && cache.counts.entries == 2)
                #expect(try prepare(cache) == plain && cache.counts.hits == 2)
            }
            #expect(try prepare(open()) == plain)
        }
    }

    /// What a content may hold is judged of all its parts together: none of it depends on what a cache has seen before, in whatever order.
    @Test func aCacheDecidesNothing() throws {
        try DataFolder.with { folder in
            for (name, seconds) in [("a.wav", 100.0), ("b.wav", 79.99), ("c.wav", 80.1), ("d.wav", 0.01)] {
                try folder.write(name, Made.sound(samples: Int(seconds * 16_000), seed: 3))
            }
            try folder.write("e.bmp", Made.picture(width: 61, height: 33, seed: 4))
            for name in ["clip.mp4", "two-pages.pdf"] {
                try folder.write(name, Folders.read("\(Folders.fixtures)/media/\(name)"))
            }
            let part: (String) -> Part = { .file($0) }
            func clip(_ start: Double?, _ end: Double?, _ fps: Double? = nil) -> Part {
                .clip(part("clip.mp4"), VideoMetadata(startOffset: start, endOffset: end, fps: fps))
            }
            let text = Part.text(String(repeating: "word ", count: 8_100))
            let contents: [[Part]] =
                [
                    ["a.wav"], ["b.wav"], ["c.wav"], ["d.wav"], ["a.wav", "b.wav"], ["a.wav", "c.wav"],
                    ["c.wav", "a.wav"],
                    ["a.wav", "b.wav", "d.wav"], ["d.wav", "a.wav"], ["e.bmp"], ["two-pages.pdf"], ["clip.mp4"],
                ].map { $0.map(part) } + [
                    [clip(nil, 2)], [clip(1, 2)], [clip(1, nil)], [clip(nil, 2, 4)], [text, part("a.wav")],
                    [text, part("two-pages.pdf")], [text, clip(nil, 2)],
                    [text, part("e.bmp"), part("c.wav"), part("a.wav")],
                    [text, text, part("a.wav"), part("c.wav")],
                ]
            func outcome(_ parts: [Part], _ cache: FrontEndCache?) throws -> String {
                let prepare = SamplePreparation(
                    try Nano.preparation(), cache: cache, options: SampleOptions(), folder: folder.path)
                do {
                    let query = try prepare(Sample(query: Content(parts), positive: nil), seed: nil).query
                    return "\(query.segments.map(\.modality)) \(query.bits.hashValue)"
                } catch {
                    // How far decoding came is another thing.
                    if case EmbedError.tooMuchSound = error { return "too much sound" }
                    return "\(error)"
                }
            }
            let expected = try contents.map { try outcome($0, nil) }
            for seed in 1...3 as ClosedRange<UInt64> {
                let cache = try FrontEndCache(
                    dataSet: "all \(seed)", identity: Nano.identity(), options: .init(folder: "\(folder.path)/cache"))
                var random = SeededRandom(seed: seed)
                let order = contents.indices.shuffled(using: &random) + contents.indices.shuffled(using: &random)
                for index in order { #expect(try outcome(contents[index], cache) == expected[index], "\(index)") }
                #expect(cache.counts.hits > 0)
            }
            #expect(expected.count { $0 == "too much sound" } == 4)
        }
    }

    @Test func foldersOfClipsAndDocumentsAreData() throws {
        try DataFolder.with { folder in
            for (place, name) in [
                ("moving/one.mp4", "clip.mp4"), ("moving/two.webm", "fast.webm"), ("reading/a.pdf", "two-pages.pdf"),
            ] {
                try folder.write("media/\(place)", Folders.read("\(Folders.fixtures)/media/\(name)"))
            }
            let set = try folder.open("media", .folder)
            #expect(set.rows.count == 3)
        }
    }
}
