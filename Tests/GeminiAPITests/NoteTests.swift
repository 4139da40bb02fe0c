import Castor
import GeminiAPI
import HTTPTypes
import TestSupport
import Testing

/// What is odd about parts that were embedded all the same.
@Suite struct NoteTests {
    private static let notes = HTTPField.Name("x-castor-notes")!

    private static func part(_ bytes: [UInt8], _ mimeType: String) -> String {
        #"{"inlineData":{"mimeType":"\#(mimeType)","data":"\#(Base64Text.encode(bytes))"}}"#
    }

    private static func media(_ name: String) throws -> [UInt8] {
        try Folders.read("\(Folders.fixtures)/media/\(name)")
    }

    @Test(arguments: [
        ("rgb.png", "image/png", "image/jpeg"), ("lossy.webp", "image/webp", "image/jpeg"),
        ("chirp-16k.wav", "audio/wav", "audio/mpeg"), ("clip.mp4", "video/mp4", "video/webm"),
    ]) func bytesDecideAndAHeaderSaysSo(name: String, right: String, wrong: String) async throws {
        let bytes = try Self.media(name)
        try await TestServer.with { client in
            let expected = try await client.embed(#"{"content":{"parts":[\#(Self.part(bytes, right))]}}"#)
            #expect(expected.headers[Self.notes] == nil)
            let reply = try await client.embed(#"{"content":{"parts":[{"text":"a"},\#(Self.part(bytes, wrong))]}}"#)
            #expect(reply.status == 200, "\(reply.text)")
            #expect(
                reply.headers[Self.notes]
                    == "part 2: declared as \(wrong), but the bytes are \(right), and taken as such")
            let alone = try await client.embed(#"{"content":{"parts":[\#(Self.part(bytes, wrong))]}}"#)
            try expectClose(alone.values, expected.values, .batchInvariance)
        }
    }

    @Test func anotherKindIsRefused() async throws {
        let (clip, picture) = (try Self.media("clip.mp4"), try Self.media("rgb.png"))
        try await TestServer.with { client in
            for part in [
                Self.part(clip, "image/jpeg"), Self.part(picture, "video/mp4"), Self.part(picture, "audio/wav"),
            ] {
                try await client.embed(#"{"content":{"parts":[\#(part)]}}"#).expectError(400, "INVALID_ARGUMENT")
            }
        }
    }

    @Test func aBatchSaysWhichContents() async throws {
        let png = try Self.media("rgb.png")
        let (right, wrong) = (Self.part(png, "image/png"), Self.part(png, "image/webp"))
        try await TestServer.with { client in
            let cut = Self.part(png.dropLast(12), "image/png")
            let requests = [right, wrong, cut].map { #"{"content":{"parts":[\#($0)]}}"# }.joined(separator: ",")
            let reply = try await client.batch(#"{"requests":[\#(requests)]}"#)
            #expect(
                reply.headers[Self.notes]
                    == "BatchEmbedContentsRequest.requests[1], part 1: declared as image/webp, but the bytes are image/png, "
                    + "and taken as such; BatchEmbedContentsRequest.requests[2], part 1: damaged png file: the file ends too early"
            )
            let values = try reply.json["embeddings"].array.map { try $0["values"].floats }
            expectClose(values[1], values[0], .batchInvariance)
            expectClose(values[2], values[0], .batchInvariance)
        }
    }

    @Test func aHeaderHasAnEnd() {
        #expect(NoteHeader.value([]) == nil)
        #expect(NoteHeader.value(["a", "b"]) == "a; b")
        #expect(NoteHeader.value(["caf\u{e9}\r\nx: y"]) == "caf???x: y")
        let many = NoteHeader.value((0..<600).map { "part \($0): something" })
        #expect((many?.utf8.count ?? 0) < 2_100 && many?.hasSuffix(" more") == true)
    }
}
