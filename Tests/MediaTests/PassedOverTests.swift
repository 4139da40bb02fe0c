import Media
import Testing

/// What decoders pass over without a word is said: nothing is heard or seen less of in silence.
@Suite struct PassedOverTests {
    private static let zeros = [UInt8](repeating: 0, count: 300)
    private static let noise: [UInt8] = (0..<64).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }

    /// Where `mark` stands, each time.
    private static func places(_ mark: String, in bytes: [UInt8]) -> [Int] {
        bytes.indices.filter { bytes[$0...].starts(with: Array(mark.utf8)) }
    }

    private static func damages(_ notes: [MediaNote]) -> Int {
        notes.count { if case .damaged = $0 { true } else { false } }
    }

    // MARK: - Ogg

    @Test(arguments: [
        "tone-44k-stereo.ogg", "tone-48k-mono.opus", "tone-16k-mono.flac.ogg", "uneven-pages.ogg",
    ])
    func aWholeOggFileHasNoNotes(name: String) throws {
        #expect(try AudioDecoder.decode(Fixture.bytes(name), .ogg).notes.isEmpty)
    }

    /// Of nine pages, two of them headers.
    @Test(arguments: 2..<9) func aDamagedPageIsSaid(page: Int) throws {
        let bytes = try Fixture.bytes("uneven-pages.ogg")
        let pages = Self.places("OggS", in: bytes)
        try #require(pages.count == 9)
        var damaged = bytes
        damaged[pages[page] + 30] ^= 0x10
        #expect(try !AudioDecoder.decode(damaged, .ogg).notes.isEmpty)
        let without = Array(bytes[..<pages[page]] + bytes[(page < 8 ? pages[page + 1] : bytes.count)...])
        #expect(try !AudioDecoder.decode(without, .ogg).notes.isEmpty)
        let cut = Array(bytes[..<(pages[page] + 20)])
        if page > 2 { #expect(try !AudioDecoder.decode(cut, .ogg).notes.isEmpty) }
    }

    /// Pages that stand in one another and are each 64 kB long, as they say: after a thousand no more checksums are made.
    @Test func pagesThatLieAreCountedToALimit() throws {
        let lie = Array("OggS".utf8) + [UInt8](repeating: 0, count: 22) + [255]
        let bytes = try Fixture.bytes("uneven-pages.ogg") + [[UInt8]](repeating: lie, count: 5_000).flatMap { $0 }
        let notes = try AudioDecoder.decode(bytes, .ogg).notes.map(\.description)
        #expect(notes.contains { $0.hasSuffix("left out: 1000 or more") }, "\(notes)")
    }

    @Test func aLinkWithoutItsFirstPageIsSaid() throws {
        let bytes = try Fixture.bytes("uneven-pages.ogg")
        let rest = bytes[Self.places("OggS", in: bytes)[1]...]
        #expect(try !AudioDecoder.decode(bytes + rest, .ogg).notes.isEmpty)
        #expect(try AudioDecoder.decode(bytes + bytes, .ogg).notes.isEmpty)
    }

    @Test(arguments: ["tone-44k-stereo.ogg", "tone-48k-mono.opus", "tone-48k-stereo.flac"])
    func markedSoundBehindJunkIsHeard(name: String) throws {
        guard case .audio(let format) = try Fixture.type(name) else { return }
        let bytes = try Fixture.bytes(name)
        let whole = try AudioDecoder.decode(bytes, format)
        for junk in [Self.zeros, Self.noise] {
            #expect(MediaType.sniff(junk + bytes) == .audio(format))
            let clip = try AudioDecoder.decode(junk + bytes, format)
            #expect(clip.samples == whole.samples)
            #expect(clip.notes == [.junkBefore(.audio(format), bytes: junk.count)])
        }
    }

    // MARK: - Matroska

    @Test func aMatroskaFileThatIsCutOrDamagedSaysSo() throws {
        let opus = try Fixture.bytes("tone-48k-mono.opus")
        for seconds in [nil, 0.22] {
            let bytes = Builder.webm(opus: opus, seconds: seconds)
            for cut in [1, 20, 300] {
                let clip = try AudioDecoder.decode(Array(bytes.dropLast(cut)), .weba)
                #expect(Self.damages(clip.notes) > 0, "\(cut): \(clip.notes)")
            }
            // A simple block of track 1 that begins at 40 ms.
            let mark: [UInt8] = [0x81, 0, 40, 0x80]
            let block = try #require(bytes.indices.last { bytes[$0...].starts(with: mark) }) - 9
            let stretched = Array(bytes[..<block] + Self.zeros + bytes[block...])
            #expect(try Self.damages(AudioDecoder.decode(stretched, .weba).notes) > 0)
            #expect(try Self.damages(AudioDecoder.decode(bytes + bytes, .weba).notes) > 0)
            // Of a track that is not there, by a number of one byte and of two.
            for number: UInt8 in [0x82, 0x41] {
                var stray = bytes
                stray[block + 9] = number
                #expect(try Self.damages(AudioDecoder.decode(stray, .weba).notes) > 0)
            }
        }
    }

    /// A filling whose length is wrong hides the tracks from whoever goes by lengths.
    @Test func aLabelOfSoundIsBelievedWhereTheTracksAreHidden() throws {
        let bytes = Builder.webm(opus: try Fixture.bytes("tone-48k-mono.opus"))
        let info = try #require(bytes.indices.first { bytes[$0...].starts(with: [0x15, 0x49, 0xA9, 0x66]) })
        let filling: [UInt8] = [0xEC, 0x01, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]
        let hidden = Array(bytes[..<info] + filling + bytes[info...])
        for (type, expected) in [("audio/webm", MediaType.audio(.weba)), ("video/webm", .video(.webm))] {
            let declared = try #require(MediaType(mimeType: type))
            #expect(try MediaType.resolve(declared: declared, bytes: hidden.span.bytes).type == expected)
        }
        #expect(try AudioDecoder.decode(hidden, .weba).seconds > 0.1)
    }

    // MARK: - WAV and AIFF

    @Test func whatStandsBehindTheClaimedSoundIsSaid() throws {
        let sound: [UInt8] = (0..<16_000).flatMap { littleEndian(Int16(truncatingIfNeeded: $0 &* 77)) }
        let short = try AudioDecoder.decode(Builder.wave(sound, size: 1_000), .wav)
        #expect(short.samples.count == 500)
        #expect(Self.damages(short.notes) == 1, "\(short.notes)")
        let list = Array("LIST".utf8) + littleEndian(UInt32(4)) + Array("INFO".utf8)
        for tail in [[], list, list + list, Self.zeros, Builder.id3v1, list + Self.zeros] {
            #expect(try AudioDecoder.decode(Builder.wave(sound) + tail, .wav).notes.isEmpty)
        }
        var aiff = try Fixture.bytes("tone-16k-stereo.aiff")
        #expect(try AudioDecoder.decode(aiff, .aiff).notes.isEmpty)
        let place = try #require(Self.places("SSND", in: aiff).first)
        aiff.replaceSubrange(place + 4..<place + 8, with: bigEndian(UInt32(1_008)))
        #expect(try Self.damages(AudioDecoder.decode(aiff, .aiff).notes) == 1)
    }

    // MARK: - Films

    private func decode(_ bytes: [UInt8], _ rate: Double = 10) throws -> DecodedVideo {
        try VideoDecoder.decode(bytes, .mpeg, VideoSelection(framesPerSecond: rate), most: 200)
    }

    @Test(arguments: [("h264.ts", 3.2), ("mpeg2.mpg", 3.2), ("mpeg1.mpg", 3.2)])
    func joinedFilmsAreSeenWhole(film: (name: String, seconds: Double)) throws {
        let bytes = try Fixture.bytes(film.name)
        let (one, two) = (try decode(bytes), try decode(bytes + bytes))
        #expect(one.notes.isEmpty, "\(one.notes)")
        #expect(abs(two.frames.count - 2 * one.frames.count) <= 2, "\(two.frames.count), \(one.frames.count)")
        #expect(two.frames[..<(one.frames.count - 2)] == one.frames[..<(one.frames.count - 2)])
    }

    @Test(arguments: ["h264.ts", "mpeg2.mpg", "mpeg1.mpg"]) func aFilmBehindJunkIsSeen(name: String) throws {
        let bytes = try Fixture.bytes(name)
        let whole = try decode(bytes)
        for junk in [Self.zeros, Self.noise, Builder.id3(20)] {
            #expect(MediaType.sniff(junk + bytes) == .video(.mpeg))
            #expect(try decode(junk + bytes).frames == whole.frames)
        }
    }

    @Test(arguments: ["h264.mp4", "h264.mkv", "vp9.webm", "fragments.mp4"]) func aFileBehindJunkIsSeen(name: String)
        throws
    {
        let bytes = try Fixture.bytes(name)
        let format = try Fixture.videoFormat(bytes)
        let whole = try VideoDecoder.decode(bytes, format, sound: true)
        for junk in [Self.zeros, Self.noise] {
            #expect(MediaType.sniff(junk + bytes) == .video(format))
            let film = try VideoDecoder.decode(junk + bytes, format, sound: true)
            #expect(film.frames == whole.frames && film.sound?.samples == whole.sound?.samples)
            #expect(film.notes == [.junkBefore(.video(format), bytes: junk.count)])
        }
    }

    /// Found by fuzzing: a box of which the size is there and not all of the name.
    @Test(arguments: 1...7) func theBeginningOfABoxIsNotRead(count: Int) throws {
        let tail: ArraySlice<UInt8> = [0, 0, 0, 50, 0x6D, 0x64, 0x61][..<count]
        for name in ["h264.mov", "h264.mp4", "fragments.mp4"] {
            let bytes = try Fixture.bytes(name)
            let film = try VideoDecoder.decode(bytes + tail, Fixture.videoFormat(bytes))
            #expect(film.frames.count == 4)
            #expect(Self.damages(film.notes) == (count < 4 ? 0 : 1), "\(film.notes)")
        }
        #expect(try !AudioDecoder.decode(Fixture.bytes("tone-44k-stereo.m4a") + tail, .m4a).samples.isEmpty)
    }

    @Test func aMovieThatIsCutInItsIndexSaysSo() throws {
        let bytes = try Fixture.bytes("h264.mov")
        for cut in [1, 300, 1_100] {
            #expect {
                try VideoDecoder.decode(Array(bytes.dropLast(cut)), .mov)
            } throws: { error in
                "\(error)".contains("of its index")
            }
        }
    }

    /// Where no header says how long it is, the last frame does.
    @Test(arguments: ["tone-44k-stereo.mp3", "tone-44k-mono.aac"]) func aStreamThatEndsAmidAFrameSaysSo(name: String)
        throws
    {
        guard case .audio(let format) = try Fixture.type(name) else { return }
        let bytes = try Fixture.bytes(name)
        #expect(try AudioDecoder.decode(bytes, format).notes.isEmpty)
        #expect(try Self.damages(AudioDecoder.decode(Array(bytes.dropLast(20)), format).notes) > 0)
    }

    /// Frames that threads decode, and how many of them count as damaged, do not depend on which thread is first.
    @Test func aDamagedFilmIsTheSameEachTime() throws {
        var bytes = try Fixture.bytes("h264.ts")
        for place in stride(from: bytes.count / 4, to: bytes.count * 3 / 4, by: 397) { bytes[place] ^= 0x55 }
        let first = try decode(bytes)
        for _ in 0..<50 {
            let next = try decode(bytes)
            #expect(next.frames == first.frames && next.notes == first.notes)
        }
    }

    @Test func aTransportStreamWithADamagedPacketIsKnown() throws {
        var bytes = try Fixture.bytes("h264.ts")
        bytes[188] ^= 1
        #expect(MediaType.sniff(bytes) == .video(.mpeg))
        bytes = try Fixture.bytes("h264.ts")
        #expect(MediaType.sniff(Array(bytes[..<188])) == nil)
    }

    /// Packets are numbered.
    @Test func packetsThatAreMissingAreSaid() throws {
        let bytes = try Fixture.bytes("h264.ts")
        let middle = bytes.count / 188 / 2 * 188
        let without = Array(bytes[..<middle] + bytes[(middle + 5 * 188)...])
        #expect(try Self.damages(decode(without).notes) > 0)
    }

    @Test func aTransportStreamThatEndsAmidAPacketSaysSo() throws {
        let bytes = try Fixture.bytes("h264.ts")
        let note = MediaNote.damaged(format: "mpeg", reason: "it ends amid a packet")
        #expect(try decode(bytes).notes.isEmpty)
        for lost in [1, 100, 187] { #expect(try decode(Array(bytes.dropLast(lost))).notes.contains(note), "\(lost)") }
        #expect(try !decode(Array(bytes.dropLast(188))).notes.contains(note))
        // Packets with a time in front, and with a checksum behind, which the last one may lack.
        let packets = stride(from: 0, to: bytes.count, by: 188).map { bytes[$0..<$0 + 188] }
        let timed = packets.flatMap { [0, 0, 0, 0] + $0 }
        let checked = packets.flatMap { $0 + [UInt8](repeating: 0, count: 16) }
        for whole in [timed, checked, Array(checked.dropLast(16))] {
            #expect(try !decode(whole).notes.contains(note))
        }
        #expect(try decode(Array(timed.dropLast(1))).notes.contains(note))
        #expect(try decode(Array(checked.dropLast(17))).notes.contains(note))
    }

    @Test func aFilmWhoseTableIsShortSaysSo() throws {
        var bytes = try Fixture.bytes("h264.mov")
        let place = try #require(Self.places("stsz", in: bytes).first)
        bytes.replaceSubrange(place + 12..<place + 16, with: bigEndian(UInt32(5)))
        let film = try VideoDecoder.decode(bytes, .mov)
        #expect(film.notes.contains { if case .shorter = $0 { true } else { false } }, "\(film.notes)")
    }

    /// Something else where a box is due: behind the first fragment, and in the place of a track.
    @Test func boxesThatCannotBeReadAreSaid() throws {
        var bytes = try Fixture.bytes("fragments.mp4")
        let fragments = Self.places("moof", in: bytes)
        try #require(fragments.count > 1)
        bytes.replaceSubrange(fragments[1] - 4..<fragments[1] + 4, with: Self.noise[..<8])
        #expect(try Self.damages(VideoDecoder.decode(bytes, .mp4).notes) > 0)
        let movie = try Fixture.bytes("h264.mp4")
        let tracks = Self.places("trak", in: movie)
        try #require(tracks.count == 2)
        var mute = movie
        mute.replaceSubrange(tracks[1]..<tracks[1] + 4, with: [1, 2, 3, 4])
        #expect(try Self.damages(VideoDecoder.decode(mute, .mp4, sound: true).notes) > 0)
        // To the end of the file, which the tables are.
        let length = movie.count - tracks[1] + 4
        mute.replaceSubrange((tracks[1] - 4)..., with: [UInt8](repeating: 0, count: length))
        #expect(try Self.damages(VideoDecoder.decode(mute, .mp4, sound: true).notes) > 0)
        #expect(try VideoDecoder.decode(movie + Self.zeros, .mp4).notes.isEmpty)
    }

    /// An edit list that begins behind the key frame, as where a film was trimmed without coding it again.
    @Test func aTrimmedFilmIsSeenFromItsFirstFrame() throws {
        let whole = try Fixture.bytes("h264.mp4")
        var bytes = whole
        let (list, header) = (Self.places("elst", in: bytes)[0], Self.places("mdhd", in: bytes)[0])
        func number(_ place: Int) -> UInt32 { bytes[place..<place + 4].reduce(0) { $0 << 8 | UInt32($1) } }
        // Half a second later, in the track's unit; the film's is a thousandth.
        let (later, length) = (number(list + 16) + number(header + 16) / 2, number(list + 12) - 500)
        bytes.replaceSubrange(list + 12..<list + 20, with: bigEndian(length) + bigEndian(later))
        let rate = VideoSelection(framesPerSecond: 10)
        let all = try VideoDecoder.decode(whole, .mp4, rate).frames
        #expect(try VideoDecoder.decode(bytes, .mp4, rate).frames == Array(all[5...]))
    }

    @Test(arguments: ["mpeg2.mpg", "h264.ts"]) func framesThatAreMadeUpInPartAreSaid(name: String) throws {
        var bytes = try Fixture.bytes(name)
        for place in stride(from: bytes.count / 4, to: bytes.count * 3 / 4, by: 397) { bytes[place] ^= 0x55 }
        #expect(try Self.damages(decode(bytes).notes) > 0)
    }

    /// Whole films of every container say nothing.
    @Test(arguments: VideoDecodingTests.films) func wholeFilmsHaveNoNotes(film: (name: String, rate: Int)) throws {
        let bytes = try Fixture.bytes(film.name)
        let decoded = try VideoDecoder.decode(bytes, Fixture.videoFormat(bytes), sound: true)
        #expect(decoded.notes.isEmpty && decoded.sound?.notes.isEmpty ?? true, "\(decoded.notes)")
    }
}
