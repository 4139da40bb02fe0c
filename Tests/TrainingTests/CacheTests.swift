import Castor
import CastorNumerics
import Encoder
import Glibc
import Media
import TestSupport
import Testing
import Training

@Suite struct CacheTests {
    private func cache(_ folder: DataFolder, maxBytes: Int = 1 << 24) throws -> FrontEndCache {
        var options = FrontEndCache.Options(folder: "\(folder.path)/made/here")
        options.maxBytes = maxBytes
        return try FrontEndCache(dataSet: "a set/of pictures", identity: Nano.identity(), options: options)
    }

    private struct Made: Error {}

    private func patches(seed: UInt64) -> EncoderInput.Segment {
        var random = SeededGenerator(seed: seed)
        let matrix = Matrix(rows: 6, columns: 12)
        for index in 0..<matrix.count { matrix.pointer[index] = Float(random.nextNormal()) }
        return .image(patches: matrix, grid: ImageGrid(width: 3, height: 2, maxPatches: 6))
    }

    private func bits(_ segment: EncoderInput.Segment) -> [UInt32] { EncoderInput([segment]).bits }

    /// Fills or reads a cache with segments 0..<count. Returns what it gave and how many were made.
    private func run(_ cache: FrontEndCache, count: UInt64) throws -> (segments: [[UInt32]], made: Int) {
        var made = 0
        let segments = try (0..<count).map { seed in
            bits(
                try cache.image(ByteHash([UInt8(seed)])) {
                    made += 1
                    return patches(seed: seed)
                })
        }
        return (segments, made)
    }

    @Test func whatIsFoundEqualsWhatWasMade() throws {
        try DataFolder.with { folder in
            var first = try run(cache(folder), count: 9)
            #expect(first.made == 9)
            for _ in 0..<2 {
                let opened = try cache(folder)
                let again = try run(opened, count: 9)
                #expect(again.made == 0 && again.segments == first.segments)
                #expect(opened.counts.hits == 9 && opened.counts.entries == 9 && opened.counts.damaged == 0)
            }
            let one = try cache(folder)
            first = try run(one, count: 9)
            #expect(try run(one, count: 9).segments == first.segments)
        }
    }

    @Test func soundsPicturesAndSamplesAreKept() throws {
        try DataFolder.with { folder in
            let picture = DecodedImage(
                image: PixelImage(size: ImageSize(width: 2, height: 3), pixels: (0..<18).map { UInt8($0) }),
                originalSize: ImageSize(width: 9, height: 14))
            let clip = AudioClip(samples: [0.1, -1, 3e-9])
            let sound = PreparedSound(
                patches: Matrix(rows: 2, columns: 2, values: [1, 0.5, -2, 1.25]), sampleCount: 123_456_789)
            let hash = ByteHash([1])
            for pass in 0..<2 {
                let cache = try cache(folder)
                func once<Value>(_ value: Value) throws(MediaError) -> Value {
                    guard pass == 0 else { throw .empty }
                    return value
                }
                #expect(try cache.picture(hash) { () throws(MediaError) in try once(picture) } == picture)
                #expect(try cache.clip(hash) { () throws(MediaError) in try once(clip) } == clip)
                let found = try cache.sound(hash) { () throws(MediaError) in try once(sound) }
                #expect(bits(.audio(patches: found.patches)) == bits(.audio(patches: sound.patches)))
                #expect(found.sampleCount == sound.sampleCount)
            }
        }
    }

    /// A byte of an entry changed, the file cut anywhere, garbage behind it: what is whole is found, the rest made again.
    @Test func damageIsFoundAndRepaired() throws {
        try DataFolder.with { folder in
            let path = try cache(folder).path
            let good = try run(cache(folder), count: 5)
            let bytes = try Folders.read(path)
            let entry = bytes.count / 5
            // Of 64 bytes of header and 144 of patches.
            let padding = entry - 208
            for cut in [0, 1, 63, 64, entry - 1, entry, entry + 30, 3 * entry + 100, bytes.count - 1] {
                try Folders.write(Array(bytes[..<cut]), path)
                let found = try run(cache(folder), count: 5)
                #expect(found.segments == good.segments && found.made == 5 - (cut + padding) / entry, "cut at \(cut)")
                #expect(try run(cache(folder), count: 5).made == 0)
            }
            for place in [2 * entry + 3, 2 * entry + 20, 2 * entry + 60, 2 * entry + 70] {
                var damaged = bytes
                damaged[place] ^= 0x10
                try Folders.write(damaged, path)
                do {
                    let opened = try cache(folder)
                    let found = try run(opened, count: 5)
                    #expect(found.segments == good.segments && found.made >= 1, "byte \(place)")
                    #expect(opened.counts.damaged >= 1)
                }
                #expect(try run(cache(folder), count: 5).made == 0)
            }
            try Folders.write(bytes + [UInt8](repeating: 7, count: 300), path)
            #expect(try run(cache(folder), count: 5).made == 0)
        }
    }

    @Test func otherBytesAndOtherConfigurationsAreOtherEntries() throws {
        try DataFolder.with { folder in
            let one = try cache(folder)
            _ = try run(one, count: 1)
            var made = false
            _ = try one.image(ByteHash([77])) {
                made = true
                return patches(seed: 0)
            }
            #expect(made)
            for change in [
                { $0.image.maxPatches += 1 }, { $0.audio.melBands += 1 }, { $0.video?.pooledSide += 1 },
                { $0.document?.maxPatches += 1 }, { $0.maxTokens -= 1 },
            ] as [(inout Configuration) -> Void] {
                var configuration = try Model.configuration(path: Folders.nano)
                let plain = FrontEndIdentity(configuration, tokenizer: "a")
                #expect(plain != FrontEndIdentity(configuration, tokenizer: "b"))
                change(&configuration)
                let changed = FrontEndIdentity(configuration, tokenizer: "a")
                #expect(changed != plain)
                let other = try FrontEndCache(
                    dataSet: "a set/of pictures", identity: changed,
                    options: .init(folder: "\(folder.path)/made/here"))
                #expect(other.path != one.path)
            }
        }
    }

    @Test func sizeIsBounded() throws {
        try DataFolder.with { folder in
            let small = try cache(folder, maxBytes: 1_000)
            #expect(try run(small, count: 20).segments == run(cache(folder), count: 20).segments)
            #expect(small.counts.bytes <= 1_000 && small.counts.entries > 0)
            #expect(small.counts.closed?.contains("limit of 1000 bytes") == true)
            let found = try run(small, count: 20)
            #expect(found.made == 20 - small.counts.entries)
        }
    }

    @Test func aSecondUserGetsNoCache() throws {
        try DataFolder.with { folder in
            let first = try cache(folder)
            let second = try cache(folder)
            #expect(try run(first, count: 3).segments == run(second, count: 3).segments)
            #expect(first.counts.entries == 3 && second.counts.entries == 0 && second.counts.closed != nil)
        }
    }

    @Test func threadsShareIt() throws {
        try DataFolder.with { folder in
            let cache = try cache(folder)
            let pool = WorkerPool(threads: 4)
            pool.run(400) { index, _ in
                let seed = UInt64(index % 40)
                guard let segment = try? cache.image(ByteHash([UInt8(seed)]), { patches(seed: seed) })
                else { return }
                if index % 50 == 0 { usleep(100) }
                precondition(bits(segment) == bits(segment))
            }
            #expect(cache.counts.entries == 40)
            let found = try run(cache, count: 40)
            #expect(found.made == 0)
        }
    }
}
