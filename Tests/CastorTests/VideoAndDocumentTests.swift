import Castor
import FoundationEssentials
import TestSupport
import Testing

/// Video and PDF through the library; their vectors are the parity tests' business.
@Suite struct VideoAndDocumentTests {
    private static let embedder = try! Embedder(modelPath: Folders.nano)
    private static let clip = Part.file("media/clip.mp4")
    private static let document = Part.file("media/two-pages.pdf")

    private var options: EmbedOptions {
        var options = EmbedOptions()
        options.files = .relative(to: Folders.fixtures)
        return options
    }

    private func usage(_ embedding: Embedding) -> [String: Int] {
        Dictionary(uniqueKeysWithValues: embedding.usage.details.map { ($0.modality.rawValue, $0.tokenCount) })
    }

    @Test func tokensAreCountedAsTheServiceBillsThem() throws {
        let video = try Self.embedder.embed([Self.clip], options: options)
        #expect(usage(video) == ["VIDEO": 4 * 66] && video.tokenCount == 4 * 4)
        var listening = options
        listening.audioTrackExtraction = true
        let heard = try Self.embedder.embed([Self.clip], options: listening)
        // 3.4 s, in frames of sound of 64 ms.
        #expect((80...90).contains(try #require(usage(heard)["AUDIO"])) && usage(heard)["VIDEO"] == 4 * 66)
        #expect(heard.tokenCount > video.tokenCount && heard.values != video.values)
        // A file without sound is what it was.
        let silent = try Self.embedder.embed([.file("media/fast.webm")], options: listening)
        #expect(silent.values == (try Self.embedder.embed([.file("media/fast.webm")], options: options)).values)

        let document = try Self.embedder.embed([Self.document], options: options)
        let text = document.tokenCount - 2 * 9
        #expect(text > 8 && usage(document) == ["DOCUMENT": 2 * 258 + text])
    }

    /// What bytes say is what a file's name says, and any order is a content of its own.
    @Test func fiveMediaMixInAnyOrder() throws {
        let bytes = try Folders.read("\(Folders.fixtures)/media/clip.mp4")
        #expect(
            try Self.embedder.embed([.data(bytes, mimeType: nil)]).values
                == Self.embedder.embed([Self.clip], options: options).values)
        let parts: [Part] = [
            "a caption", Self.clip, .file("media/rgb.png"), Self.document, .file("media/chirp-8k.wav"),
        ]
        let forward = try Self.embedder.embed(Content(parts), options: options)
        let backward = try Self.embedder.embed(Content(parts.reversed()), options: options)
        #expect(forward.tokenCount == backward.tokenCount && forward.values != backward.values)
        #expect(forward.usage == backward.usage)
        #expect(forward.usage.details.map(\.modality) == [.text, .image, .audio, .video, .document])
    }

    @Test func oneVideoAndOneDocumentAreTheLimit() {
        #expect(throws: EmbedError.tooManyVideos(count: 2, limit: 1)) {
            try Self.embedder.embed([Self.clip, "and", Self.clip], options: options)
        }
        #expect(throws: EmbedError.tooManyDocuments(count: 2, limit: 1)) {
            try Self.embedder.embed([Self.document, Self.document], options: options)
        }
    }

    @Test func metadataIsRead() throws {
        let json = #"""
            {"parts": [{"fileData": {"fileUri": "media/clip.mp4"},
                        "videoMetadata": {"start_offset": "1.5s", "endOffset": "3s", "fps": 2}}]}
            """#
        let content = try Content(json: Data(json.utf8))
        let metadata = VideoMetadata(startOffset: 1.5, endOffset: 3, fps: 2)
        #expect(content == [.clip(Self.clip, metadata)])
        #expect(usage(try Self.embedder.embed(content, options: options)) == ["VIDEO": 3 * 66])
        for offset in ["1.5", "s", "1.5m", "nans", ""] {
            let json = #"{"parts": [{"fileData": {"fileUri": "a"}, "videoMetadata": {"startOffset": "\#(offset)"}}]}"#
            #expect(throws: WireError.self, "\(offset)") { try Content(json: Data(json.utf8)) }
        }
        #expect(throws: EmbedError.notAVideo(part: 2)) {
            try Self.embedder.embed(["x", .clip(.file("media/rgb.png"), metadata)], options: options)
        }
        #expect(
            throws: EmbedError.media(
                part: 1, name: "media/clip.mp4",
                reason: "videoMetadata: the start offset is 9 s, the video is 3.4 s long")
        ) { try Self.embedder.embed([.clip(Self.clip, VideoMetadata(startOffset: 9))], options: options) }
    }

    /// A model from before video and documents works as it did, and says what it does not take.
    @Test func oldModelsTakeTheirOwnMedia() throws {
        try Folders.withNanoCopy { folder in
            let path = "\(folder)/config.json"
            let text = String(decoding: try Folders.read(path), as: UTF8.self)
            let cut = try #require(text.firstRange(of: ",\n  \"video\""))
            try Folders.write(Array("\(text[..<cut.lowerBound])\n}\n".utf8), path)
            let old = try Embedder(modelPath: folder)
            let parts: Content = ["x", .file("media/rgb.png")]
            #expect(
                try old.embed(parts, options: options).values == Self.embedder.embed(parts, options: options).values)
            #expect(throws: EmbedError.unsupportedByModel(part: 1, kind: "video")) {
                try old.embed([Self.clip], options: options)
            }
            #expect(throws: EmbedError.unsupportedByModel(part: 2, kind: "documents")) {
                try old.embed(["x", Self.document], options: options)
            }
        }
    }
}
