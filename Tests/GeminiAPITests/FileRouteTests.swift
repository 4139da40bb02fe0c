import Castor
import Foundation
import GeminiAPI
import HTTPTypes
import ServerState
import TestSupport
import Testing

/// The Files API. The same body in process and over a socket.
@Suite struct FileRouteTests {
    private static func header(_ name: String) -> HTTPField.Name { HTTPField.Name("x-goog-upload-\(name)")! }

    /// A server with a data folder that is gone afterwards.
    static func withFiles<Value: Sendable>(
        _ transport: Transport = .inProcess, keys: [String] = [], embedder: Embedder = TestServer.embedder,
        _ change: (inout StateSettings) -> Void = { _ in }, configure: (inout ServerOptions) -> Void = { _ in },
        _ body: @escaping @Sendable (Client) async throws -> Value
    ) async throws -> Value {
        let folder = FileManager.default.temporaryDirectory.appending(path: "castor-files-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var settings = StateSettings(folder: folder)
        change(&settings)
        let state = try ServerState(settings)
        defer { state.close() }
        return try await TestServer.with(transport, embedder: embedder) {
            $0.state = state
            $0.apiKeys = keys
            configure(&$0)
        } _: { client in
            try await body(client)
        }
    }

    /// Starts a resumable upload; the path that its data goes to.
    static func start(
        _ client: Client, _ file: String, bytes: Int? = nil, headers: HTTPFields = [:]
    ) async throws -> String {
        var all = headers
        all[header("protocol")] = "resumable"
        all[header("command")] = "start"
        all[header("header-content-length")] = bytes.map(String.init)
        let reply = try await client.post("/upload/v1beta/files", "{\"file\":\(file)}", headers: all)
        #expect(reply.status == 200, "\(reply.text)")
        #expect(reply.headers[header("status")] == "active")
        let url = try #require(reply.headers[header("url")])
        return String(url[try #require(url.range(of: "/upload/")?.lowerBound)...])
    }

    static func data(
        _ client: Client, _ path: String, _ command: String, _ bytes: [UInt8] = [], offset: Int = 0
    ) async throws -> Reply {
        try await client.send(
            .post, path, bytes: bytes, headers: [header("command"): command, header("offset"): "\(offset)"])
    }

    static func upload(_ client: Client, _ bytes: [UInt8], mimeType: String, name: String? = nil) async throws -> JSON {
        let file = "{\(name.map { "\"name\":\"files/\($0)\"," } ?? "")\"mime_type\":\"\(mimeType)\"}"
        let path = try await start(client, file, bytes: bytes.count)
        let reply = try await data(client, path, "upload, finalize", bytes)
        #expect(reply.status == 200 && reply.headers[header("status")] == "final", "\(reply.text)")
        return try reply.json["file"]
    }

    /// As the service's documentation has it for curl: in single quotes, with a name alone, the type in a header.
    @Test(arguments: Transport.allCases) func theDocumentationsUpload(_ transport: Transport) async throws {
        try await Self.withFiles(transport) { client in
            let bytes = Array("purr".utf8)
            let path = try await Self.start(
                client, "{'display_name': 'x'}", bytes: bytes.count,
                headers: [Self.header("header-content-type"): "text/plain", .contentType: "application/json"])
            let reply = try await Self.data(client, path, "upload, finalize", bytes)
            let file = try reply.json["file"]
            #expect(try file["displayName"].string == "x")
            #expect(try file["mimeType"].string == "text/plain")
            let start = try await client.post(
                "/upload/v1beta/files", "{'file': {'display_name': 'x'}}",
                headers: [
                    Self.header("protocol"): "resumable", Self.header("command"): "start",
                    Self.header("header-content-type"): "text/plain",
                ])
            #expect(start.headers[Self.header("url")] != nil, "\(start.text)")
            let embedded = try await client.embed(
                "{'content': {'parts': {'file_data': {'file_uri': '\(file["uri"].string)'}}}, 'outputDimensionality': 4}"
            )
            expectClose(
                try embedded.values, try TestServer.vector(Content("purr"), dimensions: 4), .batchInvariance)
        }
    }

    @Test(arguments: Transport.allCases) func resumableInPieces(_ transport: Transport) async throws {
        try await Self.withFiles(transport) { client in
            let path = try await Self.start(
                client, #"{"name":"files/my-file","display_name":"Mine","mime_type":"text/plain","size_bytes":9}"#,
                bytes: 9)
            var reply = try await Self.data(client, path, "upload", Array("abcd".utf8))
            #expect(reply.status == 200 && reply.headers[Self.header("status")] == "active" && reply.body.isEmpty)
            reply = try await Self.data(client, path, "query")
            #expect(reply.headers[Self.header("size-received")] == "4")
            // Not where it ends: the client can come again, and is told where.
            reply = try await Self.data(client, path, "upload", Array("xyz".utf8), offset: 3)
            try reply.expectError(400, "INVALID_ARGUMENT")
            #expect(reply.headers[Self.header("status")] == nil && reply.headers[Self.header("size-received")] == "4")
            reply = try await Self.data(client, path, "upload, finalize", Array("efghi".utf8), offset: 4)
            #expect(reply.headers[Self.header("status")] == "final")
            let file = try reply.json["file"]
            #expect(try file["name"].string == "files/my-file" && file["displayName"].string == "Mine")
            #expect(try file["sizeBytes"].string == "9" && file["mimeType"].string == "text/plain")
            #expect(try file["state"].string == "ACTIVE" && file["source"].string == "UPLOADED")
            // The digest of "abcdefghi" in letters, and those in Base64.
            let letters = Data(base64Encoded: try file["sha256Hash"].string).map { String(decoding: $0, as: UTF8.self) }
            #expect(letters == "19cc02f26df43cc571bc9ed7b0c4d29224a3ec229529221725ef76d021c8326f")
            // Asked again, it says the same.
            reply = try await Self.data(client, path, "query")
            #expect(try reply.json["file"]["name"].string == "files/my-file")
            let got = try await client.get("/v1/files/my-file")
            #expect(try got.json["createTime"].string == file["createTime"].string)
            #expect(try got.json["uri"].string.hasSuffix("/v1/files/my-file"))
        }
    }

    @Test func dataNeedsNoKeyButStartDoes() async throws {
        try await Self.withFiles(keys: ["secret"]) { client in
            let start: HTTPFields = [Self.header("protocol"): "resumable", Self.header("command"): "start"]
            let refused = try await client.post(
                "/upload/v1/files", #"{"file":{"mime_type":"text/plain"}}"#, headers: start)
            try refused.expectError(403, "PERMISSION_DENIED")
            let path = try await Self.start(
                client, #"{"mime_type":"text/plain"}"#, headers: [HTTPField.Name("x-goog-api-key")!: "secret"])
            let reply = try await Self.data(client, path, "upload, finalize", [1, 2])
            #expect(reply.status == 200)
            let guessed = try await Self.data(
                client, "/upload/v1/files?upload_id=\(String(repeating: "A", count: 43))", "upload, finalize", [1])
            try guessed.expectError(404, "NOT_FOUND")
            #expect(guessed.headers[Self.header("status")] == "final")
        }
    }

    @Test(arguments: Transport.allCases) func rawAndMultipart(_ transport: Transport) async throws {
        try await Self.withFiles(transport) { client in
            let raw = try await client.send(
                .post, "/upload/v1beta/files", bytes: [1, 2, 3],
                headers: [Self.header("protocol"): "raw", .contentType: "image/png"])
            #expect(raw.status == 200, "\(raw.text)")
            #expect(
                try raw.json["file"]["sizeBytes"].string == "3" && raw.json["file"]["mimeType"].string == "image/png")
            let body =
                "--B\r\nContent-Type: application/json; charset=utf-8\r\n\r\n{\"file\":{\"displayName\":\"m\"}}\r\n"
                + "--B\r\nContent-Type: text/plain\r\n\r\nline\r\n--Bx is no delimiter\r\n\r\n--B--\r\n"
            for path in ["/upload/v1beta/files?uploadType=multipart", "/upload/files?upload_protocol=multipart"] {
                let reply = try await client.post(
                    path, body.replacing("--Bx", with: "-Bx"),
                    headers: [.contentType: "multipart/related; boundary=\"B\""])
                #expect(reply.status == 200, "\(reply.text)")
                let file = try reply.json["file"]
                #expect(try file["displayName"].string == "m" && file["mimeType"].string == "text/plain")
                #expect(try file["sizeBytes"].string == "\("line\r\n-Bx is no delimiter\r\n".utf8.count)")
            }
            // Without a word on what it is.
            let untyped = try await client.send(
                .post, "/upload/v1beta/files", bytes: [1], headers: [Self.header("protocol"): "raw"])
            try untyped.expectError(400, "INVALID_ARGUMENT")
            #expect(try untyped.message.contains("Content-Type"))
            for (type, body) in [
                ("multipart/related", "x"), ("multipart/related; boundary=B", "--C\r\n"),
                ("multipart/related; boundary=B", "--B\r\n\r\n{}\r\n--B--"), ("multipart/related; boundary=B", "--B"),
                ("multipart/related; boundary=B", "--B\r\nno colon\r\n\r\n{}\r\n--B--"),
                ("multipart/related; boundary=", ""),
            ] {
                try await client.post(
                    "/upload/v1/files?uploadType=multipart", body, headers: [.contentType: type]
                ).expectError(400, "INVALID_ARGUMENT")
            }
        }
    }

    /// An upload of one request is whole, or nothing of it is left: the second of each kind fails as the first does, not because that is still there.
    @Test func whatFailsInOneRequestLeavesNothing() async throws {
        try await Self.withFiles {
            $0.maxFiles = 1
            $0.maxUploads = 1
        } _: { client in
            _ = try await Self.upload(client, [1], mimeType: "text/plain")
            let parts = "--B\r\n\r\n{}\r\n--B\r\nContent-Type: text/plain\r\n\r\nbytes\r\n--B--"
            for _ in 0..<2 {
                for (path, type, body) in [
                    ("/upload/v1/files?uploadType=multipart", "multipart/related; boundary=B", parts),
                    ("/upload/v1/files?uploadType=media", "text/plain", "bytes"),
                    ("/v1/files", "application/json", #"{"file":{"mimeType":"text/plain"}}"#),
                ] {
                    try await client.post(path, body, headers: [.contentType: type]).expectError(
                        429, "RESOURCE_EXHAUSTED", "there are 1 files already, which is the limit")
                }
            }
        }
    }

    /// A name is no place to keep things: neither a file's nor a job's, nor one of few characters and many accents.
    @Test func displayNamesAreBounded() async throws {
        try await Self.withFiles { client in
            _ = try await Self.upload(client, Array(BatchRouteTests.line.utf8), mimeType: "jsonl", name: "in")
            for (name, isFine) in [
                (String(repeating: "\u{10348}", count: 512), true), (String(repeating: "a", count: 513), false),
                ("e" + String(repeating: "\u{301}", count: 512), false),
            ] {
                let file = try await client.post(
                    "/v1/files", #"{"file":{"displayName":"\#(name)","mimeType":"text/plain"}}"#)
                let job = try await client.post(
                    BatchRouteTests.create,
                    #"{"batch":{"displayName":"\#(name)","inputConfig":{"fileName":"files/in"}}}"#)
                let plain = try await client.post(
                    BatchRouteTests.create, #"{"batch":{"inputConfig":{"fileName":"files/in"}}}"#)
                let renamed = try await client.send(
                    .patch, "/v1/\(plain.json["name"].string):updateEmbedContentBatch", #"{"displayName":"\#(name)"}"#)
                for reply in [file, job, renamed] {
                    if isFine {
                        #expect(reply.status == 200, "\(reply.text)")
                    } else {
                        try reply.expectError(
                            400, "INVALID_ARGUMENT", "the display name has 513 characters, the limit is 512")
                    }
                }
            }
        }
    }

    /// What is uploaded embeds as the same bytes inline do; nothing else is ever opened.
    @Test(arguments: Transport.allCases) func contentsNameUploadedFilesOnly(_ transport: Transport) async throws {
        try await Self.withFiles(transport) { client in
            let png = try Folders.read("\(Folders.fixtures)/media/gray.png")
            let file = try await Self.upload(client, png, mimeType: "image/png")
            let name = try file["name"].string
            let inline = try await client.embed(
                #"{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"\#(Base64Text.encode(png))"}}]}}"#
            ).values
            for uri in [
                try file["uri"].string, name, "https://generativelanguage.googleapis.com/v1beta/\(name)",
                "http://localhost:1/v1/\(name)",
            ] {
                for body in [
                    #"{"fileData":{"fileUri":"\#(uri)"}}"#,
                    #"{"file_data":{"file_uri":"\#(uri)","mime_type":"image/png"}}"#,
                ] {
                    let reply = try await client.embed(#"{"content":{"parts":[\#(body)]}}"#)
                    #expect(reply.status == 200, "\(uri): \(reply.text)")
                    #expect(try reply.values == inline)
                }
            }
            for uri in [
                "gs://bucket/cat.png", "/etc/passwd", "file:///etc/passwd", "https://example.com/cat.png", "../\(name)",
                "https://example.com", "files/a/b", "files/", "http://h/v1/files/../\(name)",
            ] {
                try await client.embed(#"{"content":{"parts":[{"fileData":{"fileUri":"\#(uri)"}}]}}"#)
                    .expectError(400, "INVALID_ARGUMENT")
            }
            try await client.embed(#"{"content":{"parts":[{"fileData":{"fileUri":"files/nobody"}}]}}"#).expectError(
                403, "PERMISSION_DENIED", "You do not have permission to access the File nobody or it may not exist.")
        }
    }

    @Test(arguments: Transport.allCases) func listGetDeleteDownload(_ transport: Transport) async throws {
        try await Self.withFiles(transport) { client in
            #expect(try await client.get("/v1beta/files").text == "{}\n")
            for number in 0..<3 { _ = try await Self.upload(client, [1], mimeType: "text/plain", name: "f\(number)") }
            let first = try await client.get("/v1beta/files?pageSize=2").json
            #expect(try first["files"].array.map { try $0["name"].string } == ["files/f2", "files/f1"])
            let second = try await client.get("/v1beta/files?pageSize=2&pageToken=\(first["nextPageToken"].string)")
                .json
            #expect(try second["files"].array.map { try $0["name"].string } == ["files/f0"])
            #expect(!second.has("nextPageToken"))
            try await client.get("/v1beta/files?pageToken=nonsense").expectError(400, "INVALID_ARGUMENT")
            try await client.get("/v1beta/files/f0:download?alt=media").expectError(400, "FAILED_PRECONDITION")
            #expect(try await client.send(.delete, "/v1beta/files/f0").text == "{}\n")
            for _ in 0..<2 {
                try await client.get("/v1beta/files/f0").expectError(
                    403, "PERMISSION_DENIED", "You do not have permission to access the File f0 or it may not exist.")
                try await client.send(.delete, "/v1beta/files/f0").expectError(403, "PERMISSION_DENIED")
            }
            let created = try await client.post("/v1/files", #"{"file":{"displayName":"d","mimeType":"text/plain"}}"#)
            #expect(try created.json["file"]["sizeBytes"].string == "0")
        }
    }

    @Test func refusedUploads() async throws {
        try await Self.withFiles { client in
            let start: HTTPFields = [Self.header("protocol"): "resumable", Self.header("command"): "start"]
            for (body, message) in [
                (#"{"file":{"mime_type":"bad/mime_type"}}"#, "Unsupported MIME type: bad/mime_type"),
                (
                    #"{"file":{}}"#,
                    "Unsupported MIME type: none is given. Say it by mime_type in the body, by the header "
                        + "X-Goog-Upload-Header-Content-Type, or by Content-Type where the body is the file."
                ),
                (#"{"file":{"mime_type":"text/plain","name":"files/Not-Good"}}"#, nil),
                (#"{"file":{"mime_type":"text/plain","name":"../x"}}"#, nil),
                (#"{"file":{"mime_type":"text/plain","size_bytes":-1}}"#, nil),
                (#"{"file":{"mime_type":"text/plain","size_bytes":2000000001}}"#, nil),
                (#"{"file":{"mime_type":"text/plain","colour":1}}"#, nil), ("{", nil),
            ] as [(String, String?)] {
                try await client.post("/upload/v1/files", body, headers: start).expectError(
                    400, "INVALID_ARGUMENT", message)
            }
            let path = try await Self.start(client, #"{"mime_type":"text/plain"}"#, bytes: 3)
            try await Self.data(client, path, "upload", [1, 2, 3, 4]).expectError(400, "INVALID_ARGUMENT")
            try await Self.data(client, path, "finalize").expectError(400, "INVALID_ARGUMENT")
            try await Self.data(client, path, "dance").expectError(400, "INVALID_ARGUMENT")
            #expect(try await Self.data(client, path, "cancel").headers[Self.header("status")] == "cancelled")
            try await Self.data(client, path, "query").expectError(404, "NOT_FOUND")
        }
    }

    private static func stateWhenLookedInto(_ id: String, _ client: Client) async throws -> String {
        var state = "PROCESSING"
        try await Standstill.wait {
            state = try await client.get("/v1/files/\(id)").json["state"].string
            return state != "PROCESSING"
        }
        return state
    }

    @Test func aVideoIsLookedInto() async throws {
        try await Self.withFiles { client in
            let file = try await Self.upload(client, Array("no video at all".utf8), mimeType: "video/mp4", name: "v")
            #expect(try file["state"].string == "PROCESSING")
            let state = try await Self.stateWhenLookedInto("v", client)
            #expect(state == "FAILED")
            #expect(try await !client.get("/v1/files/v").json["error"]["message"].string.isEmpty)
            try await client.embed(#"{"content":{"parts":[{"fileData":{"fileUri":"files/v"}}]}}"#).expectError(
                400, "FAILED_PRECONDITION", "The File v is not in an ACTIVE state and usage is not allowed.")
        }
    }

    @Test func aVideoMayBeOfAnotherFormatThanItsUploadSaid() async throws {
        let bytes = try Folders.read("\(Folders.fixtures)/media/clip.mp4")
        try await Self.withFiles { client in
            _ = try await Self.upload(client, bytes, mimeType: "video/webm", name: "v")
            let state = try await Self.stateWhenLookedInto("v", client)
            #expect(state == "ACTIVE")
            let reply = try await client.embed(#"{"content":{"parts":[{"fileData":{"fileUri":"files/v"}}]}}"#)
            try expectClose(
                reply.values, TestServer.vector([.data(bytes, mimeType: "video/mp4")]), .batchInvariance)
            #expect(
                reply.headers[HTTPField.Name("x-castor-notes")!]?.hasPrefix("part 1: declared as video/webm") == true)
            // A request may say it anew, and wrongly.
            try await client.embed(
                #"{"content":{"parts":[{"fileData":{"fileUri":"files/v","mimeType":"image/png"}}]}}"#
            ).expectError(400, "INVALID_ARGUMENT")
        }
    }

    /// An upload that does not fit on the disk leaves nothing there, and where there is no room at all files can be deleted.
    @Test func aFullDiskIsNoDeadlock() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "castor-files-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let disk = try SmallDisk(folder, bytes: 16 << 20)
        let state = try ServerState(StateSettings(folder: folder))
        defer { state.close() }
        try await TestServer.with {
            $0.state = state
        } _: { client in
            @Sendable func blobs() throws -> Int {
                try FileManager.default.contentsOfDirectory(atPath: "\(folder)/blobs").count
            }
            for name in ["a", "b"] {
                let bytes = [UInt8](repeating: 1, count: 2 << 20)
                _ = try await Self.upload(client, bytes, mimeType: "image/png", name: name)
            }
            let raw = try await client.send(
                .post, "/upload/v1beta/files", bytes: [UInt8](repeating: 1, count: 16 << 20),
                headers: [Self.header("protocol"): "raw", .contentType: "image/png"])
            try raw.expectError(429, "RESOURCE_EXHAUSTED", "the server's disk is full")
            #expect(try blobs() == 2)
            try disk.fill()
            for name in ["a", "b"] {
                let reply = try await client.send(.delete, "/v1beta/files/\(name)")
                #expect(reply.status == 200, "\(reply.text)")
            }
            #expect(try blobs() == 0)
        }
    }

    @Test func withoutAFolderThereAreNone() async throws {
        try await TestServer.with { client in
            try await client.get("/v1/files").expectError(501, "UNIMPLEMENTED")
        }
    }
}
