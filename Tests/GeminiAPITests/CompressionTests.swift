import Foundation
import GeminiAPI
import HTTPTypes
import TestSupport
import Testing

/// gzip in both directions; gzip(1) makes and reads it.
@Suite struct CompressionTests {
    private static let path = "/v1beta/models/gemini-embedding-2:embedContent"

    /// Bytes through gzip(1).
    private static func gzip(_ arguments: [String], _ bytes: [UInt8]) throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["gzip"] + arguments
        let input = FileManager.default.temporaryDirectory.appending(path: "castor-gzip-\(UUID().uuidString)")
        try Data(bytes).write(to: input)
        defer { try? FileManager.default.removeItem(at: input) }
        process.standardInput = try FileHandle(forReadingFrom: input)
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let result = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return [UInt8](result)
    }

    private static func compressed(_ text: String) throws -> [UInt8] { try gzip(["-c"], Array(text.utf8)) }

    /// zlib's framing around bytes that are not compressed.
    private static func deflate(_ bytes: [UInt8]) -> [UInt8] {
        var (a, b) = (1, 0)
        for byte in bytes {
            a = (a + Int(byte)) % 65_521
            b = (b + a) % 65_521
        }
        let (low, high) = (UInt8(bytes.count & 255), UInt8(bytes.count >> 8))
        return [0x78, 0x01, 0x01, low, high, ~low, ~high] + bytes
            + [UInt8(b >> 8), UInt8(b & 255), UInt8(a >> 8), UInt8(a & 255)]
    }

    @Test(arguments: Transport.allCases)
    func compressedRequestsAreRead(_ transport: Transport) async throws {
        try await TestServer.with(transport) { client in
            let plain = try await client.post(Self.path, ErrorTests.hello)
            let bytes = Array(ErrorTests.hello.utf8)
            let halves = [Array(bytes[..<20]), Array(bytes[20...])]
            // More pieces of the inflater than all bodies together may take.
            let manyMembers = [[UInt8]](repeating: try Self.gzip(["-c"], []), count: 3_000).flatMap { $0 }
            let twoMembers = try halves.flatMap { try Self.gzip(["-c"], $0) }
            for (coding, body) in [
                ("gzip", try Self.compressed(ErrorTests.hello)), ("GZIP", try Self.compressed(ErrorTests.hello)),
                ("x-gzip", twoMembers), ("gzip", try manyMembers + Self.compressed(ErrorTests.hello)),
                ("deflate", Self.deflate(bytes)), ("identity", bytes),
            ] {
                let reply = try await client.send(
                    .post, Self.path, bytes: body, headers: [.contentEncoding: coding])
                #expect(reply.status == 200, "\(coding): \(reply.text)")
                #expect(reply.body == plain.body)
            }
            // Long enough for several pieces, and for a thread of its own.
            let long = (0..<20_000).map { "\($0 * 7_919) " }.joined()
            let request = #"{"content":{"parts":[{"text":"\#(long)"}]},"outputDimensionality":2}"#
            let reply = try await client.send(
                .post, Self.path, bytes: try Self.compressed(request), headers: [.contentEncoding: "gzip"])
            #expect(reply.status == 200)
            #expect(reply.body == (try await client.post(Self.path, request)).body)
        }
    }

    @Test(arguments: Transport.allCases)
    func damagedAndUnknownCodingsAreRefused(_ transport: Transport) async throws {
        try await TestServer.with(transport) { client in
            let whole = try Self.compressed(ErrorTests.hello)
            for (coding, body) in [
                ("gzip", Array(whole.dropLast())), ("gzip", Array(whole.prefix(3))), ("gzip", Array("{}".utf8)),
                ("gzip", whole + [1, 2, 3]), ("gzip", whole.map { $0 ^ 0x55 }), ("br", whole), ("gzip, gzip", whole),
                ("zstd", whole),
            ] {
                let reply = try await client.send(
                    .post, Self.path, bytes: body, headers: [.contentEncoding: coding])
                try reply.expectError(400, "INVALID_ARGUMENT")
            }
            #expect(try await client.post(Self.path, ErrorTests.hello).status == 200)
        }
    }

    /// A small body cannot become a large one: neither above the limit of bodies, nor out of nearly nothing.
    @Test(arguments: Transport.allCases)
    func whatInflatesTooFarIsRefused(_ transport: Transport) async throws {
        try await TestServer.with(transport) {
            $0.limits.maxBodyBytes = 3_000_000
        } _: { client in
            func send(_ text: String) async throws -> Reply {
                try await client.send(
                    .post, Self.path, bytes: try Self.compressed(text), headers: [.contentEncoding: "gzip"])
            }
            func request(_ text: String) -> String { #"{"content":{"parts":[{"text":"\#(text)"}]}}"# }
            // 1,000 to 1.
            let bomb = try await send(request(String(repeating: "a", count: 2_500_000)))
            try bomb.expectError(400, "INVALID_ARGUMENT")
            #expect(try bomb.message.contains("200 times"))
            // Little enough that it does not matter.
            #expect(try await send(request(String(repeating: "a ", count: 400_000))).status == 200)
            let large = (0..<500_000).map { "\($0) " }.joined()
            try await send(request(large)).expectError(
                400, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 3000000 bytes.")
            #expect(try await client.post(Self.path, ErrorTests.hello).status == 200)
        }
    }

    @Test func inflatedBytesCountAsHeldBytes() async throws {
        try await TestServer.with {
            $0.limits.maxBufferedBytes = 600_000
        } _: { client in
            // One request always fits in memory, but not what it would become.
            let text = (0..<150_000).map { "\($0) " }.joined()
            let request = #"{"content":{"parts":[{"text":"\#(text)"}]}}"#
            let reply = try await client.send(
                .post, Self.path, bytes: try Self.compressed(request), headers: [.contentEncoding: "gzip"])
            try reply.expectError(429, "RESOURCE_EXHAUSTED")
            #expect(try await client.post(Self.path, ErrorTests.hello).status == 200)
        }
    }

    @Test(arguments: Transport.allCases)
    func answersAreCompressedForThoseWhoAsk(_ transport: Transport) async throws {
        try await TestServer.with(transport) {
            $0.compressedReplies = .always
            $0.corsOrigins = ["*"]
        } _: { client in
            let plain = try await client.post(Self.path, ErrorTests.hello)
            #expect(plain.headers[.contentEncoding] == nil)
            for field in ["gzip", "gzip, deflate, br, zstd", "br;q=1.0, gzip;q=0.8, *;q=0.1", "*"] {
                let reply = try await client.post(
                    Self.path, ErrorTests.hello, headers: [.acceptEncoding: field, .origin: "https://page.example"])
                #expect(reply.headers[.contentEncoding] == "gzip", "\(field)")
                #expect(reply.headers[.contentLength] == "\(reply.body.count)")
                #expect(reply.headers[values: .vary].joined(separator: ", ").contains("Accept-Encoding"))
                #expect(reply.headers[values: .vary].joined(separator: ", ").contains("Origin"))
                #expect(reply.headers[.contentType] == "application/json; charset=UTF-8")
                #expect(reply.body.count < plain.body.count / 2)
                #expect(try Self.gzip(["-dc"], reply.body) == plain.body)
            }
            for field in ["identity", "br", "gzip;q=0", "gzip;q=0, *", ""] {
                let reply = try await client.post(Self.path, ErrorTests.hello, headers: [.acceptEncoding: field])
                #expect(reply.headers[.contentEncoding] == nil, "\(field)")
                #expect(reply.body == plain.body)
            }
            // Nothing is gained by a few bytes.
            let short = try await client.get("/v1beta/models/castor-nano", headers: [.acceptEncoding: "gzip"])
            #expect(short.headers[.contentEncoding] == nil)
            // One alone: rows of a batch may have other last bits the second time.
            let batch = #"{"requests":[\#(ErrorTests.hello)]}"#
            let many = try await client.post(
                "/v1/models/gemini-embedding-2:batchEmbedContents", batch, headers: [.acceptEncoding: "gzip"])
            #expect(many.headers[.contentEncoding] == "gzip")
            let whole = try await client.batch(batch)
            #expect(try Self.gzip(["-dc"], many.body) == whole.body)
        }
    }

    @Test func withinOneMachineNothingIsCompressed() async throws {
        try await TestServer.with(.socket) { client in
            let reply = try await client.post(Self.path, ErrorTests.hello, headers: [.acceptEncoding: "gzip"])
            #expect(reply.headers[.contentEncoding] == nil)
        }
    }

    @Test func filesAreUploadedAsTheyAre() async throws {
        try await FileRouteTests.withFiles { client in
            let reply = try await client.send(
                .post, "/upload/v1beta/files", bytes: try Self.compressed("hello"),
                headers: [
                    .contentEncoding: "gzip", .contentType: "text/plain",
                    HTTPField.Name("x-goog-upload-protocol")!: "raw",
                ])
            try reply.expectError(400, "INVALID_ARGUMENT")
            #expect(try await client.get("/v1beta/files").text == "{}\n")
        }
    }
}
