import Media
import Testing

/// Files that every program reads although something about them is odd: all of their sound is heard, and what is odd is said.
@Suite struct TolerantAudioTests {
    private static func samples(_ bytes: [UInt8], _ format: AudioFormat) throws -> [Float] {
        try AudioDecoder.decode(bytes, format).samples
    }

    /// The frames of an MP3 fixture, without its tag and without the frame that holds the header of its encoder.
    private static func frames(_ name: String) throws -> [UInt8] {
        let bytes = try Fixture.bytes(name)
        // Behind a tag of 20 bytes, a header with the same version, layer and rate as the first one's.
        let start = try #require(
            bytes.indices.dropFirst(150).first {
                bytes[$0] == 0xFF && bytes[$0 + 1] == bytes[21] && bytes[$0 + 2] & 0x0C == bytes[22] & 0x0C
                    && (0x10..<0xF0).contains(bytes[$0 + 2])
            })
        return Array(bytes[start...])
    }

    /// A second of 16 bits at 16 kHz.
    private static let ramps: [UInt8] = (0..<16_000).flatMap { (index: Int) -> [UInt8] in
        littleEndian(Int16(truncatingIfNeeded: index &* 77))
    }

    /// Where `mark` stands.
    private static func place(_ mark: String, in bytes: [UInt8]) throws -> Int {
        try #require(bytes.indices.first { bytes[$0...].starts(with: Array(mark.utf8)) })
    }

    /// A count of frames in the header of the encoder; nil: no such header.
    @Test(arguments: ["tone-44k-stereo.mp3", "tone-22k-mono.mp3"], [0, 1, 3, 9, 2_000_000, UInt32.max])
    func mp3CountsAreClaims(name: String, count: UInt32) throws {
        var bytes = try Fixture.bytes(name)
        let place = try Self.place("Info", in: bytes)
        bytes.replaceSubrange(place + 8..<place + 12, with: bigEndian(count))
        let (clip, whole) = (try AudioDecoder.decode(bytes, .mp3), try Self.samples(Fixture.bytes(name), .mp3))
        // What the encoder put behind the sound is heard where the count does not tell where it begins.
        #expect(clip.samples.count >= whole.count && clip.samples.count <= whole.count + 2_000)
        expectClose(Array(clip.samples[..<(whole.count - 32)]), Array(whole[..<(whole.count - 32)]), .resampled, name)
        #expect(clip.notes.isEmpty == (count <= 10), "\(clip.notes)")
    }

    @Test func mp3WithoutHeaderIsHeardToItsEnd() throws {
        let frames = try Self.frames("tone-44k-stereo.mp3")
        let many = Array([[UInt8]](repeating: frames, count: 40).joined())
        let clip = try AudioDecoder.decode(many, .mp3)
        // 9 frames of 1,152 samples, 40 times.
        #expect(abs(clip.seconds - 40 * 9 * 1_152.0 / 44_100) < 0.001)
        #expect(clip.notes.isEmpty, "\(clip.notes)")
    }

    @Test(arguments: [
        "tone-44k-stereo.mp3", "tone-44k-stereo.ogg", "tone-48k-mono.opus", "tone-16k-mono.flac.ogg",
        "tone-48k-stereo.flac", "tone-44k-mono.aac",
    ])
    func joinedFilesAreHeardWhole(name: String) throws {
        guard case .audio(let format) = try Fixture.type(name) else { return }
        let bytes = try Fixture.bytes(name)
        let one = try Self.samples(bytes, format)
        for times in [2, 3] {
            let joined = Array([[UInt8]](repeating: bytes, count: times).joined())
            let clip = try AudioDecoder.decode(joined, format)
            // Encoders' padding at the seams may be heard: a frame or two.
            #expect(
                clip.samples.count >= times * one.count && clip.samples.count < times * (one.count + 1_300),
                "\(clip.samples.count)")
            expectClose(Array(clip.samples[..<(one.count - 400)]), Array(one[..<(one.count - 400)]), .resampled, name)
            #expect(clip.notes.isEmpty, "\(clip.notes)")
        }
    }

    /// Rate, channels and codec change from link to link.
    @Test func linksOfAChainMayDiffer() throws {
        let names = ["tone-44k-stereo.ogg", "tone-48k-mono.opus", "tone-16k-mono.flac.ogg", "tone-44k-stereo.ogg"]
        let files = try names.map(Fixture.bytes)
        let clip = try AudioDecoder.decode(Array(files.joined()), .ogg)
        #expect(try clip.samples == files.flatMap { try Self.samples($0, .ogg) })
        #expect(clip.notes.isEmpty, "\(clip.notes)")
    }

    @Test func aLinkThatIsDamagedIsSaid() throws {
        let (first, second) = (try Fixture.bytes("tone-44k-stereo.ogg"), try Fixture.bytes("tone-48k-mono.opus"))
        // The page that holds the codec's name, which its checksum then denies.
        var damaged = second
        damaged[30] ^= 0xFF
        let clip = try AudioDecoder.decode(first + damaged, .ogg)
        #expect(try clip.samples == Self.samples(first, .ogg))
        #expect(clip.notes.count == 1, "\(clip.notes)")
        #expect(throws: MediaError.self) { try AudioDecoder.decode(damaged + damaged, .ogg) }
        let many = Array([[UInt8]](repeating: Array(first[..<58]), count: 3_000).joined())
        #expect(throws: MediaError.self) { try AudioDecoder.decode(many, .ogg) }
    }

    @Test func theLimitIsThatOfWhatIsThere() throws {
        var limits = MediaLimits()
        limits.maxAudioSeconds = 0.3
        for name in [
            "tone-44k-stereo.mp3", "tone-44k-stereo.ogg", "tone-48k-mono.opus", "tone-48k-stereo.flac",
            "tone-44k-mono.aac",
        ] {
            guard case .audio(let format) = try Fixture.type(name) else { continue }
            let bytes = try Fixture.bytes(name)
            #expect(try AudioDecoder.decode(bytes, format, limits: limits).seconds > 0.19)
            #expect("\(name)") { try AudioDecoder.decode(bytes + bytes, format, limits: limits) } throws: { error in
                guard case .audioTooLong(let seconds, 0.3)? = error as? MediaError else { return false }
                // It stops as soon as it knows.
                return seconds > 0.3 && seconds < 0.45
            }
        }
    }

    static let junk: [[UInt8]] = [
        [UInt8](repeating: 0, count: 300), [UInt8](repeating: 0xFF, count: 40),
        (0..<64).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) },
        Builder.id3(20) + [UInt8](repeating: 0, count: 100), Builder.id3(20) + Builder.id3(7),
        [0xFF, 0xFB, 0x50] + [UInt8](repeating: 7, count: 5_000),
    ]

    @Test(arguments: junk) func soundBehindJunkIsHeard(junk: [UInt8]) throws {
        let (mp3, aac) = (try Self.frames("tone-22k-mono.mp3"), try Fixture.bytes("tone-44k-mono.aac"))
        for (bytes, format) in [(mp3, AudioFormat.mp3), (aac, .aac)] {
            #expect(MediaType.sniff(junk + bytes) == .audio(format))
            #expect(try Self.samples(junk + bytes, format) == Self.samples(bytes, format))
        }
    }

    @Test func aStreamMayBeginAmidAFrame() throws {
        let (mp3, aac) = (try Self.frames("tone-22k-mono.mp3"), try Fixture.bytes("tone-44k-mono.aac"))
        for (bytes, format) in [(mp3, AudioFormat.mp3), (aac, .aac)] {
            let whole = try Self.samples(bytes, format)
            for cut in [1, 30, 77] {
                let part = Array(bytes[cut...])
                #expect(MediaType.sniff(part) == .audio(format), "\(format) \(cut)")
                let samples = try Self.samples(part, format)
                #expect(samples.count < whole.count && samples.count > whole.count / 2, "\(samples.count)")
            }
        }
    }

    /// One frame, or two that do not agree, are too little to go by.
    @Test func whatOnlyLooksLikeAFrameIsNothing() throws {
        let junk = [UInt8](repeating: 0x20, count: 50)
        let frames = try Self.frames("tone-22k-mono.mp3")
        #expect(MediaType.sniff(junk + frames[..<104]) == nil)
        var other = Array(frames[..<313])
        // Another sampling rate in the second frame.
        other[106] ^= 0x04
        #expect(MediaType.sniff(junk + other[..<209]) == nil)
        #expect(MediaType.sniff(Array("a text with \u{FF}\u{FB} in it, again and again \u{FF}\u{FB}".utf8)) == nil)
        // Beyond what FFmpeg would skip.
        #expect(MediaType.sniff([UInt8](repeating: 0x20, count: 70_000) + frames) == nil)
    }

    @Test func damagedFramesAreLeftOutAndCounted() throws {
        let bytes = try Fixture.bytes("tone-44k-mono.aac")
        let whole = try Self.samples(bytes, .aac)
        var damaged = bytes
        for place in 500..<540 { damaged[place] = 0xAA }
        let clip = try AudioDecoder.decode(damaged, .aac)
        #expect(clip.samples.count >= whole.count * 2 / 3)
        #expect(!clip.notes.isEmpty)
        // Zeros put in between two frames cost none of them, and are said.
        let seam = try #require(bytes.indices.dropFirst(400).first { bytes[$0] == 0xFF && bytes[$0 + 1] == bytes[1] })
        let stretched = try AudioDecoder.decode(
            bytes[..<seam] + [UInt8](repeating: 0, count: 900) + bytes[seam...], .aac)
        #expect(stretched.samples == whole)
        #expect(stretched.notes == [.damaged(format: "aac", reason: "bytes between its frames that are left out: 900")])
        // Where hardly anything is left, nothing is given.
        for place in 20..<bytes.count where place % 9 != 0 { damaged[place] = 0x55 }
        #expect(throws: MediaError.self) { try AudioDecoder.decode(damaged, .aac) }
    }

    @Test(arguments: [Builder.id3v1, Builder.ape, Builder.ape + Builder.id3v1])
    func tagsBehindAFLACFile(tag: [UInt8]) throws {
        let bytes = try Fixture.bytes("tone-48k-stereo.flac")
        let clip = try AudioDecoder.decode(bytes + tag, .flac)
        #expect(try clip.samples == Self.samples(bytes, .flac) && clip.notes.isEmpty)
    }

    @Test(arguments: ["tone-48k-stereo.flac", "tone-44k-stereo.ogg", "tone-16k-mono.wav", "tone-16k-stereo.aiff"])
    func tagsBeforeAFile(name: String) throws {
        guard case .audio(let format) = try Fixture.type(name) else { return }
        let bytes = try Fixture.bytes(name)
        for tags in [
            Builder.id3(20), Builder.id3(0) + Builder.id3(99), Builder.id3(1) + Builder.id3(2) + Builder.id3(3),
        ] {
            #expect(MediaType.sniff(tags + bytes) == .audio(format))
            #expect(try Self.samples(tags + bytes, format) == Self.samples(bytes, format))
        }
    }

    @Test func junkBehindAFLACFileIsSaidAndACutIsAnError() throws {
        let bytes = try Fixture.bytes("tone-48k-stereo.flac")
        let clip = try AudioDecoder.decode(bytes + [UInt8](repeating: 0x41, count: 500), .flac)
        #expect(try clip.samples == Self.samples(bytes, .flac))
        #expect(throws: MediaError.self) { try AudioDecoder.decode(Array(bytes.dropLast(500)), .flac) }
    }

    /// The length of a FLAC file: 36 bits, of which the last 32 stand alone.
    @Test(arguments: [0, 100, 9_599, 9_601, UInt32.max]) func flacCountsAreClaims(count: UInt32) throws {
        let original = try Fixture.bytes("tone-48k-stereo.flac")
        var bytes = original
        bytes.replaceSubrange(22..<26, with: bigEndian(count))
        if count > 9_600 {
            #expect(throws: MediaError.self) { try AudioDecoder.decode(bytes, .flac) }
        } else {
            #expect(try Self.samples(bytes, .flac) == Self.samples(original, .flac))
        }
    }

    @Test func recordersOfBrowsersAreHeard() throws {
        let opus = try Fixture.bytes("tone-48k-mono.opus")
        let whole = try Self.samples(opus, .ogg)
        for (docType, type) in [("webm", AudioFormat.weba), ("matroska", .mka)] {
            for seconds in [nil, 0.22] {
                let bytes = Builder.webm(opus: opus, docType: docType, seconds: seconds)
                #expect(MediaType.sniff(bytes) == .audio(type))
                let clip = try AudioDecoder.decode(bytes, type)
                // Ogg tells where the last packet ends, WebM does not.
                #expect(clip.samples.count >= whole.count && clip.samples.count < whole.count + 640)
                expectClose(Array(clip.samples[..<(whole.count - 64)]), Array(whole[..<(whole.count - 64)]), .resampled)
                #expect(clip.notes.isEmpty, "\(clip.notes)")
            }
        }
        let cut = try AudioDecoder.decode(Builder.webm(opus: opus, seconds: 9), .weba)
        #expect(cut.samples.count >= whole.count)
        #expect(cut.notes.contains { if case .shorter("webm", _, 9) = $0 { true } else { false } }, "\(cut.notes)")
        let film = Builder.webm(opus: opus, withPictures: true)
        #expect(MediaType.sniff(film) == .video(.webm))
    }

    @Test func webMIsWhatItsTypesSay() throws {
        let bytes = Builder.webm(opus: try Fixture.bytes("tone-48k-mono.opus"))
        for type in ["audio/webm", "audio/webm;codecs=opus", "video/webm", "audio/x-matroska"] {
            let declared = try #require(MediaType(mimeType: type))
            let found = try MediaType.resolve(declared: declared, bytes: bytes.span.bytes)
            #expect(found == MediaType.Resolution(type: .audio(.weba)), "\(type)")
        }
        let png = try Fixture.bytes("rgb.png")
        #expect(throws: MediaError.self) {
            try MediaType.resolve(declared: MediaType(mimeType: "audio/webm"), bytes: png.span.bytes)
        }
        for cut in [5, 40, 60, 100, 140] { _ = MediaType.sniff(Array(bytes[..<cut])) }
    }

    @Test func mp3InAWAVFile() throws {
        let frames = try Self.frames("tone-44k-stereo.mp3")
        let bytes = Builder.wave(mp3: frames, rate: 44_100, channels: 2)
        #expect(MediaType.sniff(bytes) == .audio(.wav))
        let (samples, expected) = (try Self.samples(bytes, .wav), try Self.samples(frames, .mp3))
        // The MP3 file's header tells how much the encoder put before the sound, the WAV file's does not.
        #expect(samples.count >= expected.count && samples.count <= expected.count + 1_300)
        #expect(throws: MediaError.self) { try AudioDecoder.decode(Array(bytes.dropLast(300)), .wav) }
    }

    @Test func broadcastWAVOf64Bits() throws {
        let sound = Self.ramps
        var bytes = Builder.wave64(sound, size: UInt64(sound.count))
        bytes.replaceSubrange(0..<4, with: Array("BW64".utf8))
        #expect(MediaType.sniff(bytes) == .audio(.wav))
        #expect(try Self.samples(bytes, .wav) == Self.samples(Builder.wave(sound), .wav))
        #expect(throws: MediaError.self) { try AudioDecoder.decode(Array(bytes.dropLast(1_000)), .wav) }
    }

    @Test func aWAVSizeMayCountTheHeader() throws {
        let sound = Self.ramps
        let clip = try AudioDecoder.decode(Builder.wave(sound, size: 32_044), .wav)
        #expect(try clip.samples == Self.samples(Builder.wave(sound), .wav))
        #expect(clip.notes.count == 1)
        #expect(throws: MediaError.self) { try AudioDecoder.decode(Builder.wave(sound, size: 32_046), .wav) }
    }

    @Test func aFileBehindTheFileIsSaid() throws {
        let wav = try Fixture.bytes("tone-16k-mono.wav")
        for name in ["tone-16k-mono.wav", "tone-16k-stereo.aiff", "tone-44k-stereo.m4a"] {
            guard case .audio(let format) = try Fixture.type(name) else { continue }
            let bytes = try Fixture.bytes(name)
            let clip = try AudioDecoder.decode(bytes + bytes, format)
            #expect(try clip.samples == Self.samples(bytes, format) && clip.notes.count == 1, "\(name) \(clip.notes)")
        }
        #expect(try AudioDecoder.decode(wav, .wav).notes.isEmpty)
    }
}
