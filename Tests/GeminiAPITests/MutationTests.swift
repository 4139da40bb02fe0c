import GeminiAPI
import HTTPTypes
import TestSupport
import Testing

/// Requests that are damaged at random: the server refuses or answers, and goes on.
@Suite struct MutationTests {
    /// Requests of every kind, as clients send them.
    static let seeds: [(path: String, body: String)] = [
        (
            "/v1/models/gemini-embedding-2:batchEmbedContents",
            #"{"requests": [{"content": {"parts": [{"text": "a red square"}, {"inline_data": {"data": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ_pLvAAAAAElFTkSuQmCC", "mime_type": "image/png"}}], "role": "user"}, "model": "models/gemini-embedding-2", "outputDimensionality": 8}]}"#
        ),
        (
            "/v1beta/models/gemini-embedding-2:embedContent",
            #"{"content":{"parts":[{"text":"a"},{"fileData":{"fileUri":"files/abc","mimeType":"image/png"}}]},"embedContentConfig":{"taskType":"CLUSTERING","title":"t","outputDimensionality":8,"autoTruncate":true}}"#
        ),
        (
            "/v1beta/models/gemini-embedding-001:embedContent",
            #"{"content":{"parts":[{"text":"é😀\u00e9"}]},"taskType":"RETRIEVAL_QUERY","outputDimensionality":"8"}"#
        ),
        (
            "/v1beta/models/gemini-embedding-2:countTokens",
            #"{"generateContentRequest":{"model":"m","contents":[{"parts":[{"text":"a"}],"role":"user"}]}}"#
        ),
        (
            "/v1beta/openai/embeddings",
            #"{"model":"gemini-embedding-2","input":["a","b"],"encoding_format":"base64","dimensions":8}"#
        ),
        (
            "/v1beta1/publishers/google/models/gemini-embedding-2:predict",
            #"{"instances":[{"content":"a","task_type":"CLUSTERING"}],"parameters":{"outputDimensionality":8}}"#
        ),
        (
            "/v1beta/models/gemini-embedding-2:embedContent",
            "{'content': {'parts': {text: 'it\\'s'},}, 'taskType': 'clustering', 'outputDimensionality': '8'}"
        ),
        ("/v1/models?pageSize=2&pageToken=1", ""),
        ("/v1/models/gemini-embedding-2", ""),
    ]

    @Test(arguments: [(Transport.inProcess, 3_000), (.socket, 1_000)])
    func noneMakesTheServerFail(_ transport: Transport, _ count: Int) async throws {
        try await TestServer.with(transport) { client in
            var random = SeededRandom(seed: 20_261_121)
            var statuses: [Int: Int] = [:]
            for number in 0..<count {
                let seed = Self.seeds.randomElement(using: &random)!
                let body = Mutation.apply(to: Array(seed.body.utf8), &random)
                // In a path, only what an HTTP parser lets through. In process alone: over a socket the client of these tests objects,
                // and Tests/Contracts/test_mutations.py has one that does not.
                let path =
                    number % 10 == 0 && transport == .inProcess
                    ? String(
                        decoding: Mutation.apply(to: Array(seed.path.utf8), &random).map {
                            min(126, max(33, $0 & 127))
                        },
                        as: UTF8.self)
                    : seed.path
                let method: HTTPRequest.Method = seed.body.isEmpty ? .get : .post
                let reply = try await client.send(
                    method, path.hasPrefix("/") ? path : "/\(path)", bytes: method == .get ? nil : body)
                statuses[reply.status, default: 0] += 1
                guard reply.status < 500 else {
                    Issue.record(
                        "request \(number) gave \(reply.status): \(path) \(String(decoding: body, as: UTF8.self))")
                    return
                }
                // What HTTP itself forbids is refused below the server, without a body.
                if reply.status >= 400, path == seed.path { _ = try reply.json }
            }
            // The damage must be real, and not all of it fatal.
            #expect(statuses[200, default: 0] > count / 50, "\(statuses)")
            #expect(statuses[400, default: 0] > count / 4, "\(statuses)")
            #expect(try await client.embed(ErrorTests.hello).status == 200)
        }
    }
}

enum Mutation {
    private static let fragments: [String] = [
        "{", "}", "[", "]", "\"", ",", ":", "null", "true", "-1", "1e999", "99999999999999999999", "\\u0000", "\\ud800",
        "\u{0}",
        "\"parts\":[", "\"text\":\"\"", "\"content\":{}", "\u{202e}", "%00", "..", "//", "NaN",
        "\"inline_data\":{\"data\":\"====\"}", "'", "\\'",
    ]

    /// One to four damages: bytes changed, lost, doubled, moved, or nonsense put in.
    static func apply(to bytes: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let at = Int.random(in: 0..<bytes.count, using: &random)
            let end = min(bytes.count, at + Int.random(in: 1...20, using: &random))
            switch Int.random(in: 0..<7, using: &random) {
            case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes.removeSubrange(at..<end)
            case 2: bytes.insert(contentsOf: bytes[at..<end], at: at)
            case 3: bytes.insert(contentsOf: fragments.randomElement(using: &random)!.utf8, at: at)
            case 4: bytes.removeSubrange(end...)
            case 5: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            default:
                let piece = bytes[at..<end]
                bytes.removeSubrange(at..<end)
                bytes.insert(contentsOf: piece, at: Int.random(in: 0...bytes.count, using: &random))
            }
        }
        return bytes
    }
}
