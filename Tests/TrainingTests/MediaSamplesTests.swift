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
