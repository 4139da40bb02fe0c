import Media
import Testing

@Suite struct MediaTypeTests {
    static let fixtures = ImageDecodingTests.all + AudioDecodingTests.tones.map(\.name)

    @Test(arguments: fixtures) func bytesAgreeWithTheName(name: String) throws {
        let bytes = try Fixture.bytes(name)
        #expect(try MediaType.sniff(bytes) == Fixture.type(name))
    }

    @Test func canonicalMIMETypesComeBack() {
        let all =
            ImageFormat.allCases.map(MediaType.image) + AudioFormat.allCases.map(MediaType.audio)
            + VideoFormat.allCases.map(MediaType.video) + [.document]
        for type in all {
            #expect(MediaType(mimeType: type.mimeType) == type)
            #expect(MediaType(fileExtension: type.name) == type)
        }
    }

    @Test(arguments: [
        ("image/jpg", MediaType.image(.jpeg)), ("IMAGE/PJPEG", .image(.jpeg)), ("image/heif", .image(.heic)),
        ("image/x-ms-bmp", .image(.bmp)), ("audio/x-wav", .audio(.wav)), ("audio/wave", .audio(.wav)),
        ("audio/mp3", .audio(.mp3)), ("audio/MPEG; rate=44100", .audio(.mp3)), ("audio/x-flac", .audio(.flac)),
        ("audio/opus", .audio(.ogg)), ("audio/ogg; codecs=\"opus\"", .audio(.ogg)), ("application/ogg", .audio(.ogg)),
        ("audio/x-m4a", .audio(.m4a)), (" audio/mp4 ", .audio(.m4a)), ("audio/aac", .audio(.aac)),
        ("audio/webm;codecs=opus", .audio(.weba)), ("audio/x-matroska", .audio(.mka)),
        ("video/quicktime", .video(.mov)), ("video/mov", .video(.mov)), ("application/pdf", .document),
    ]) func aliasesAreKnown(name: String, type: MediaType) {
        #expect(MediaType(mimeType: name) == type)
    }

    @Test func otherMIMETypesAreNot() {
        for name in ["", "image", "image/", "text/plain", "image/svg+xml", "image/tiff", "image/jpegx"] {
            #expect(MediaType(mimeType: name) == nil)
        }
        for name in ["", ".", "txt", "jpg2"] {
            #expect(MediaType(fileExtension: name) == nil)
        }
        #expect(MediaType(fileExtension: ".JPG") == .image(.jpeg))
    }

    @Test func familiesAgree() {
        #expect(MediaType.audio(.m4a).agrees(with: .video(.mp4)))
        #expect(MediaType.video(.mp4).agrees(with: .audio(.m4a)))
        #expect(MediaType.video(.mov).agrees(with: .video(.mp4)))
        #expect(MediaType.image(.heic).agrees(with: .image(.avif)))
        #expect(!MediaType.image(.png).agrees(with: .image(.jpeg)))
        #expect(!MediaType.audio(.mp3).agrees(with: .audio(.aac)))
        #expect(!MediaType.image(.heic).agrees(with: .video(.mp4)))
    }

    @Test func resolvingChecksTheDeclaration() throws {
        let png = try Fixture.bytes("rgb.png")
        let text = Array("not a picture at all, whatever the name says".utf8)
        let expected = MediaType.Resolution(type: .image(.png))
        #expect(try MediaType.resolve(declared: nil, bytes: png.span.bytes) == expected)
        #expect(try MediaType.resolve(declared: .image(.png), bytes: png.span.bytes) == expected)
        for declared in [MediaType.video(.mp4), .audio(.mp3), .document] {
            #expect(throws: MediaError.mismatch(declared: declared, found: .image(.png))) {
                try MediaType.resolve(declared: declared, bytes: png.span.bytes)
            }
        }
        #expect(throws: MediaError.mismatch(declared: .image(.png), found: nil)) {
            try MediaType.resolve(declared: .image(.png), bytes: text.span.bytes)
        }
        #expect(throws: MediaError.unrecognised) { try MediaType.resolve(declared: nil, bytes: text.span.bytes) }
        let nothing: [UInt8] = []
        #expect(throws: MediaError.empty) { try MediaType.resolve(declared: .image(.png), bytes: nothing.span.bytes) }
    }

    @Test(arguments: [
        ("rgb.png", MediaType.image(.jpeg)), ("lossy.webp", .image(.jpeg)), ("rgb.jpg", .image(.heic)),
        ("tone-16k-mono.wav", .audio(.mp3)), ("tone-44k-mono.aac", .audio(.mp3)), ("h264.mp4", .video(.webm)),
        ("vp9.webm", .video(.mp4)),
    ]) func bytesDecideWithinAKind(name: String, declared: MediaType) throws {
        let bytes = try Fixture.bytes(name)
        let found = try #require(MediaType.sniff(bytes))
        #expect(found != declared)
        #expect(
            try MediaType.resolve(declared: declared, bytes: bytes.span.bytes)
                == MediaType.Resolution(type: found, notes: [.mislabelled(declared: declared, found: found)]))
    }

    @Test func videoAndDocumentsAreRecognised() {
        let mp4 = Builder.box("ftyp", Array("isom\0\0\u{2}\0isomiso2avc1mp41".utf8)) + Builder.box("mdat", [1, 2, 3])
        #expect(MediaType.sniff(mp4) == .video(.mp4))
        let mov = Builder.box("ftyp", Array("qt  \0\0\u{2}\0qt  ".utf8)) + Builder.box("mdat", [1, 2, 3])
        #expect(MediaType.sniff(mov) == .video(.mov))
        #expect(
            MediaType.sniff([0x1A, 0x45, 0xDF, 0xA3, 0x9F, 0x42, 0x82, 0x84] + Array("webm".utf8)) == .video(.webm))
        #expect(
            MediaType.sniff([0x1A, 0x45, 0xDF, 0xA3, 0x9F, 0x42, 0x82, 0x88] + Array("matroska".utf8)) == .video(.mkv))
        #expect(MediaType.sniff([0, 0, 1, 0xBA, 0x44]) == .video(.mpeg))
        #expect(MediaType.sniff(Array("%PDF-1.7\n".utf8)) == .document)
        #expect(MediaType.sniff(Array("\n\njunk %PDF-1.4".utf8)) == .document)
    }

    @Test func aTransportStreamMayBeginAmidAPacket() throws {
        let bytes = try Fixture.bytes("h264.ts")
        for cut in [0, 1, 100, 187] { #expect(MediaType.sniff(Array(bytes[cut...])) == .video(.mpeg)) }
        // With a time in front of each packet, as on discs.
        let stamped = stride(from: 0, to: bytes.count, by: 188).flatMap { [0, 1, 2, 3] + bytes[$0..<$0 + 188] }
        #expect(MediaType.sniff(stamped) == .video(.mpeg))
        #expect(MediaType.sniff(Array(bytes[..<(4 * 188)])) == nil)
    }

    @Test(arguments: ["skip", "free", "wide"]) func quickTimeMayBeginWithPadding(name: String) throws {
        let bytes = try Fixture.bytes("h264.mov")
        let length = bytes[..<4].reduce(0) { $0 << 8 | Int($1) }
        let padded = Builder.box(name, [UInt8](repeating: 0, count: 40)) + bytes[length...]
        #expect(MediaType.sniff(padded) == .video(.mov))
        #expect(MediaType.sniff(Builder.box("skip", [1, 2, 3])) == nil)
        #expect(MediaType.sniff(Array("a free text about free boxes".utf8)) == nil)
        #expect(MediaType.sniff(Array("\0\0\0\u{12}free boxes for everyone".utf8)) == nil)
    }

    @Test func textIsNothing() {
        for text in [
            "BM is how this begins, and it is text", "hello", "GIF", "RIFF", "ID", "ftyp", "G".repeated(100),
            "the wide river", "the ftyp box and the mdat box, each with a moov", "and free mdat", "\n\n\n\nwide",
        ] {
            #expect(MediaType.sniff(Array(text.utf8)) == nil, "\(text)")
        }
        // UTF-16 with a byte order mark has the sync bits of an MPEG audio frame.
        #expect(MediaType.sniff([0xFF, 0xFE, 0x68, 0x00, 0x69, 0x00, 0x20, 0x00]) == nil)
    }

    @Test func tagsBeforeSoundAreSkipped() throws {
        let tag: [UInt8] = Array("ID3".utf8) + [4, 0, 0, 0, 0, 0, 20] + [UInt8](repeating: 0, count: 20)
        #expect(try MediaType.sniff(tag + Fixture.bytes("tone-48k-stereo.flac")) == .audio(.flac))
        #expect(try MediaType.sniff(tag + Fixture.bytes("tone-44k-mono.aac")) == .audio(.aac))
        #expect(try MediaType.sniff(tag + Fixture.bytes("tone-22k-mono.mp3")) == .audio(.mp3))
        #expect(MediaType.sniff(tag) == .audio(.mp3))
    }
}

extension String {
    fileprivate func repeated(_ count: Int) -> String { String(repeating: self, count: count) }
}
