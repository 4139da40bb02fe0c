import DecoderFaults
import Glibc
import Media
import Testing

/// Decoders in processes of their own: the same bits, and faults that stay theirs. Serialised, because descriptors are counted.
@Suite(.serialized) struct DecoderProcessTests {
    static let images = ImageDecodingTests.all + ["scaled.jpg"]
    static let sounds = [
        "tone-16k-alac.m4a", "tone-16k-mono.flac.ogg", "tone-16k-stereo.aiff", "tone-44k-mono.aac",
        "tone-44k-stereo.mp3",
        "tone-44k-stereo.ogg", "tone-48k-mono.opus", "tone-48k-stereo.flac", "tone-8k-6ch.wav", "tone-8k-adpcm.wav",
        "uneven-pages.ogg",
    ]
    static let clips = [
        "anamorphic.mp4", "av1.mp4", "fragments.mp4", "h264.mkv", "h264.mov", "h264.ts", "h265.mp4", "long.mp4",
        "mpeg1.mpg",
        "mpeg2.mpg", "mpeg4.mp4", "rotate90.mp4", "tone-44k-mono.mp4", "variable.mp4", "vp9.webm",
    ]

    /// What is the matter with each file that ends a decoder, and what is said of it.
    static let fatal = [
        "abort": "its decoder ended with signal 6", "address": "its decoder ended with signal 11",
        "exit": "its decoder ended without an answer", "memory": "its decoder ended with signal 6",
        "loop": "it takes longer than 0.5 s", "wait": "it takes longer than 0.5 s",
    ]
    static let refusedSilently = ["open", "make", "code", "limits", "write", "fork"]
    static let refusedFatally = ["socket", "execve", "ptrace", "read", "kill", "grow"]

    func pool(_ change: (inout DecoderPool.Options) -> Void = { _ in }) -> DecoderPool {
        var options = DecoderPool.Options()
        options.workers = 1
        change(&options)
        return DecoderPool(options: options)
    }

    // MARK: - Bits

    /// Whole and cut files: results and refusals.
    private func files(_ names: [String]) throws -> [(name: String, bytes: [UInt8])] {
        try names.flatMap { name in
            let bytes = try Fixture.bytes(name)
            return [(name, bytes), ("half of \(name)", Array(bytes.prefix(bytes.count / 2)))]
        }
    }

    private func attempt<Value>(_ body: () throws -> Value) -> Result<Value, MediaError> {
        do { return .success(try body()) } catch { return .failure(error as? MediaError ?? .unrecognised) }
    }

    @Test func picturesHaveTheSameBits() throws {
        let outside = Decoders.outside(pool())
        for (name, bytes) in try files(Self.images) {
            guard case .image(let format) = try Fixture.type(name) else { continue }
            for target in [nil, ImageSize(width: 8, height: 6)] {
                let results = [Decoders.inside, outside].map { decoders in
                    attempt {
                        try decoders.image(bytes.span.bytes, format: format) { _ in target }
                    }
                }
                #expect(results[0] == results[1], "\(name)")
            }
            let sizes = [Decoders.inside, outside].map { decoders in
                attempt { try decoders.imageSize(of: bytes.span.bytes, format: format) }
            }
            #expect(sizes[0] == sizes[1], "\(name)")
        }
    }

    @Test func soundsHaveTheSameBits() throws {
        let outside = Decoders.outside(pool())
        for (name, bytes) in try files(Self.sounds) {
            guard case .audio(let format) = try Fixture.type(name) else { continue }
            let results = [Decoders.inside, outside].map { decoders in
                attempt { try decoders.audio(bytes.span.bytes, format: format) }
            }
            #expect(results[0] == results[1], "\(name)")
            let seconds = [Decoders.inside, outside].map { decoders in
                attempt { try decoders.audioSeconds(of: bytes.span.bytes, format: format) }
            }
            #expect(seconds[0] == seconds[1], "\(name)")
            let lengths = [Decoders.inside, outside].map { decoders in
                attempt { try decoders.audioLength(of: bytes.span.bytes, format: format) }
            }
            #expect(lengths[0] == lengths[1], "\(name)")
        }
    }

    @Test func clipsHaveTheSameBits() throws {
        struct Seen: Equatable {
            let frames: [PixelImage]
            let times: [Double]
            let size: ImageSize
            let sound: AudioClip?
            let notes: [MediaNote]
        }
        let outside = Decoders.outside(pool())
        for (name, bytes) in try files(Self.clips) {
            guard case .video(let format) = try Fixture.type(name) else { continue }
            for target in [ImageSize(width: 16, height: 12), ImageSize(width: 4_000, height: 3_000)] {
                let results = [Decoders.inside, outside].map { decoders in
                    attempt {
                        let video = try decoders.video(
                            bytes.span.bytes, format: format, maxFrames: 5, wantsSound: true
                        ) { _ in target }
                        return Seen(
                            frames: video.frames, times: video.times, size: video.displaySize, sound: video.sound,
                            notes: video.notes)
                    }
                }
                #expect(results[0] == results[1], "\(name)")
            }
            let outlines = [Decoders.inside, outside].map { decoders in
                attempt {
                    let outline = try decoders.videoOutline(
                        bytes.span.bytes, format: format, maxFrames: 5, wantsSound: true)
                    return [Double(outline.frameCount), outline.soundSeconds]
                }
            }
            #expect(outlines[0] == outlines[1], "\(name)")
        }
    }

    /// Those that find no room anyway; their number is told all the same.
    @Test func theFirstFramesAloneMayBeWanted() throws {
        let film = try Fixture.bytes("long.mp4")
        let whole = try VideoDecoder.decode(film.span.bytes, format: .mp4, maxFrames: 5) { $0 }
        #expect(whole.frames.count > 2 && whole.selectedFrames == whole.frames.count)
        for decoders in [Decoders.inside, .outside(pool())] {
            for most in [-1, 1, 2, 100] {
                let part = try decoders.video(film.span.bytes, format: .mp4, maxFrames: 5, most: { _ in most }) { $0 }
                let count = min(whole.frames.count, max(1, most))
                #expect(part.frames == Array(whole.frames.prefix(count)))
                #expect(part.times == Array(whole.times.prefix(count)))
                #expect(part.selectedFrames == whole.frames.count)
            }
        }
    }

    @Test func limitsHoldInsideAndOutside() throws {
        let decoders = Decoders.outside(pool())
        var limits = MediaLimits()
        limits.maxImageSide = 20
        limits.maxAudioSeconds = 0.01
        // Over before it begins.
        limits.maxDecodingSeconds = -1
        #expect(throws: MediaError.empty) { try decoders.image([UInt8]().span.bytes, format: .png) }
        let (picture, sound) = (try Fixture.bytes("rgb.png"), try Fixture.bytes("tone-16k-mono.wav"))
        let film = try Fixture.bytes("h264.mp4")
        for decoders in [Decoders.inside, decoders] {
            #expect {
                try decoders.image(picture.span.bytes, format: .png, limits: limits)
            } throws: {
                if case MediaError.imageTooLarge(_, _, 20, _) = $0 { true } else { false }
            }
            #expect {
                try decoders.audio(sound.span.bytes, format: .wav, limits: limits)
            } throws: {
                if case MediaError.audioTooLong(_, 0.01) = $0 { true } else { false }
            }
            #expect(
                throws: MediaError.tooCostly(format: "mp4", reason: "reading it takes more than -1 s of a processor")
            ) {
                try decoders.videoOutline(film.span.bytes, format: .mp4, maxFrames: 1, limits: limits)
            }
        }
    }

    // MARK: - Faults

    /// A picture or sound that makes its decoder do something else.
    func faulty(_ name: String, _ fault: String, saying messages: [[UInt8]] = []) throws -> [UInt8] {
        let said = messages.flatMap { number($0.count).prefix(4) + $0 }
        let title = Array(fault.utf8) + [UInt8](repeating: 0, count: 32 - fault.utf8.count)
        return try Fixture.bytes(name)
            + Builder.box("free", said + title + number(said.count) + Array(DECODER_FAULT_MARK.utf8))
    }

    func number(_ value: Int) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }

    func decode(_ bytes: [UInt8], _ pool: DecoderPool) throws -> DecodedImage {
        try Decoders.outside(pool).image(bytes.span.bytes, format: .heic)
    }

    func reason(_ body: () throws -> Void) -> String? {
        do { try body() } catch {
            if case MediaError.decoderStopped(let reason) = error { return reason }
            return "another error: \(error)"
        }
        return nil
    }

    @Test(arguments: fatal.keys.sorted()) func aFaultIsAnErrorOfItsFile(fault: String) throws {
        let pool = pool {
            // What ends in another way has all the time that a busy machine takes for it.
            if ["loop", "wait"].contains(fault) { $0.maxImageSeconds = 0.5 }
            $0.spareBytes = 128 << 20
        }
        var limits = MediaLimits()
        limits.maxImagePixels = 1_000_000
        let (bad, good) = (try faulty("rgb.heic", fault), try Fixture.bytes("rgb.heic"))
        let expected = try ImageDecoder.decode(good.span.bytes, format: .heic)
        for _ in 0..<2 {
            let reason = reason {
                _ = try Decoders.outside(pool).image(bad.span.bytes, format: .heic, limits: limits)
            }
            #expect(reason?.hasPrefix(Self.fatal[fault] ?? "") == true, "\(reason ?? "no error")")
            #expect(try decode(good, pool) == expected)
        }
    }

    /// By the kernel's hand and by its own, in turn.
    @Test func aDecoderThatIsKilledIsReplacedAHundredTimes() throws {
        let pool = pool()
        let aborting = try faulty("rgb.heic", "abort")
        let good = try Fixture.bytes("rgb.heic")
        let expected = try ImageDecoder.decode(good.span.bytes, format: .heic)
        for round in 0..<100 {
            #expect(try decode(good, pool) == expected)
            let worker = try #require(pool.idleProcessIDs.first)
            if round % 2 == 0 {
                // In the middle: it has read the header, and waits to be told a size.
                let decoded = try Decoders.outside(pool).image(good.span.bytes, format: .heic) { _ in
                    kill(worker, SIGKILL)
                    return nil
                }
                #expect(decoded == expected, "\(round)")
            } else {
                let reason = reason { _ = try decode(aborting, pool) }
                #expect(reason?.hasPrefix("its decoder ended with signal 6") == true, "\(round)")
            }
        }
        #expect(try decode(good, pool) == expected)
    }

    /// As the kernel does when memory is short. The second time it is an error, and none of the file's.
    @Test func aFileWhoseDecoderIsKilledIsTriedOnceMore() throws {
        let pool = pool()
        let (picture, film) = (try Fixture.bytes("rgb.heic"), try Fixture.bytes("h264.mp4"))
        let decoders = Decoders.outside(pool)
        func attempt(killing times: Int, _ body: ((ImageSize) -> ImageSize) throws -> Void) throws {
            var kills = 0
            try body { size in
                if kills < times, let worker = pool.workingProcessIDs.first {
                    kill(worker, SIGKILL)
                    kills += 1
                }
                return size
            }
            #expect(kills == times)
        }
        let ended = DecoderEndings.count
        let expected = try ImageDecoder.decode(picture.span.bytes, format: .heic)
        try attempt(killing: 1) { size in
            let decoded = try decoders.image(picture.span.bytes, format: .heic) { size($0) }
            #expect(decoded.image == expected.image)
        }
        try attempt(killing: 1) { size in
            let decoded = try decoders.video(film.span.bytes, format: .mp4, maxFrames: 2) { size($0) }
            #expect(decoded.frames.count == 2)
        }
        #expect(throws: MediaError.decoderProcess("it was ended by the system (signal 9)")) {
            try attempt(killing: 2) { size in
                _ = try decoders.image(picture.span.bytes, format: .heic) { size($0) }
            }
        }
        #expect(DecoderEndings.count >= ended + 4)
        #expect(try decode(picture, pool) == expected)
    }

    /// It has done nothing with the file, which is no sign that the file takes long.
    @Test func oneThatIsStoppedIsGivenUpAndNotItsFile() throws {
        let pool = pool { $0.maxImageSeconds = 0.5 }
        let good = try Fixture.bytes("rgb.heic")
        let expected = try decode(good, pool)
        kill(try #require(pool.idleProcessIDs.first), SIGSTOP)
        #expect(try decode(good, pool) == expected)
        #expect(throws: MediaError.decoderProcess("it was stopped from outside")) {
            try Decoders.outside(pool).image(good.span.bytes, format: .heic) { size in
                for worker in pool.workingProcessIDs { kill(worker, SIGSTOP) }
                return size
            }
        }
    }

    @Test func whatNobodyWaitsForIsGivenUp() throws {
        let pool = pool()
        let waiting = try faulty("rgb.heic", "wait")
        var limits = MediaLimits()
        let cancellation = Cancellation()
        cancellation.cancel()
        limits.cancellation = cancellation
        #expect(throws: MediaError.cancelled) {
            try Decoders.outside(pool).image(waiting.span.bytes, format: .heic, limits: limits)
        }
        _ = try decode(try Fixture.bytes("rgb.heic"), pool)
    }

    // MARK: - Confinement

    @Test func theKernelConfinesDecoders() throws {
        let confinement = try pool().warmUp()
        #expect(confinement.systemCalls)
        // By itself, the kernel says whether it has Landlock.
        #expect(confinement.landlock == max(0, Int(decoder_fault_landlock_version())))
    }

    /// The decoder goes on without what it was refused.
    @Test(arguments: refusedSilently) func whatADecoderMayNotDoFails(fault: String) throws {
        let pool = pool()
        let good = try Fixture.bytes("rgb.heic")
        let expected = try ImageDecoder.decode(good.span.bytes, format: .heic)
        #expect(try decode(try faulty("rgb.heic", fault), pool) == expected)
    }

    @Test(arguments: refusedFatally) func whatNoDecoderTriesEndsIt(fault: String) throws {
        let pool = pool()
        let bytes = try faulty("rgb.heic", fault)
        let reason = reason { _ = try decode(bytes, pool) }
        #expect(reason == "its decoder tried what a decoder may not do")
        _ = try decode(try Fixture.bytes("rgb.heic"), pool)
    }

    // MARK: - The pool

    /// Memory files of decoders that this process holds open.
    private var memoryFiles: Int {
        guard let folder = opendir("/proc/self/fd") else { return -1 }
        defer { closedir(folder) }
        var count = 0
        while let entry = readdir(folder) {
            var target = [UInt8](repeating: 0, count: 64)
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            let length = target.withUnsafeMutableBytes {
                readlink("/proc/self/fd/\(name)", $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
            }
            count += String(decoding: target.prefix(max(0, length)), as: UTF8.self).contains("memfd:castor-") ? 1 : 0
        }
        return count
    }

    @Test func descriptorsDoNotAddUp() throws {
        #expect(memoryFiles == 0)
        do {
            let pool = pool { $0.filesPerWorker = 50 }
            let bytes = try Fixture.bytes("rgb.bmp")
            let expected = try ImageDecoder.decode(bytes.span.bytes, format: .bmp)
            var processes = Set<Int32>()
            for _ in 0..<1_000 {
                #expect(try Decoders.outside(pool).image(bytes.span.bytes, format: .bmp) == expected)
                processes.formUnion(pool.idleProcessIDs)
            }
            #expect(memoryFiles == 2)
            // One every 50 files, and the last one waits.
            #expect(processes.count == 21)
        }
        #expect(memoryFiles == 0)
    }

    @Test func aProgramThatIsNoneIsAnError() throws {
        let pool = pool { $0.program = "/nonexistent" }
        let bytes = try Fixture.bytes("rgb.bmp")
        #expect {
            try Decoders.outside(pool).image(bytes.span.bytes, format: .bmp)
        } throws: {
            if case MediaError.decoderProcess = $0 { true } else { false }
        }
        #expect(throws: MediaError.self) { try pool.warmUp() }
        #expect(memoryFiles == 0)
    }
}
