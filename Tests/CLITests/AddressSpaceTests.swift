import Foundation
import Glibc
import TestSupport
import Testing

/// `ulimit -v`: whatever its size, a command ends with its result or with a reason, and a server answers or does not start.
@Suite struct AddressSpaceTests {
    private let folder: Workspace

    init() throws {
        folder = try Workspace()
    }

    /// What a reason never is, where memory is what lacks.
    private static func expectNoBlame(_ errors: String, sourceLocation: SourceLocation = #_sourceLocation) {
        for word in ["bug", "damaged", "not a usable", "Fatal", "cannot be loaded"] {
            #expect(!errors.contains(word), "\(errors)", sourceLocation: sourceLocation)
        }
    }

    /// The program alone needs some 300 MB, and 128 MiB more for each thread that computes.
    @Test(arguments: [380, 400, 420, 440, 450, 460, 480, 500, 550, 600, 650, 700, 800]) func embed(megabytes: Int)
        throws
    {
        let outcome = try CastorProgram.shell(
            "ulimit -v \(megabytes * 1_000); castor embed --threads 3 --dimensions 2 hello", in: folder)
        switch outcome.status {
        case 0: #expect(outcome.text.hasPrefix(#"{"embedding":{"values":["#))
        case 69: #expect(outcome.errors.hasPrefix("castor: ") && outcome.text.isEmpty)
        default: Issue.record("status \(outcome.status): \(outcome.errors)")
        }
        Self.expectNoBlame(outcome.errors)
    }

    /// A model whose pass over a whole context takes more than 1 GB, and nearly nothing else.
    private func makeLongModel() throws {
        try folder.copyModel(replacing: #""max_tokens": 8192"#, by: #""max_tokens": \#(Self.longContext)"#)
    }

    private static let longContext = 524_288
    /// Fills it.
    private static let longestText = String(repeating: "word ", count: longContext)
    private static let longText = String(repeating: "word ", count: 8_500)

    @Test func whatDoesNotFitIsSaidWithItsSize() throws {
        try makeLongModel()
        try folder.write(Self.longestText, "long.txt")
        let fits = try CastorProgram.shell(
            "ulimit -v 1000000; castor embed --model model --threads 1 --dimensions 2 hello", in: folder)
        #expect(fits.status == 0, "\(fits.errors)")
        let outcome = try CastorProgram.shell(
            "ulimit -v 1000000; castor embed --model model --threads 1 --dimensions 2 @long.txt", in: folder)
        #expect(outcome.status == 69)
        #expect(outcome.text.isEmpty)
        #expect(
            outcome.errors.wholeMatch(
                of: #/castor: out of memory: \d+ MB more are needed, and ulimit -v bounds the process to 1024 MB\n/#)
                != nil,
            "\(outcome.errors)")
        // Of a batch it is the line's error.
        try folder.write(
            BatchTests.line(key: "long", Self.longestText) + BatchTests.line(key: "short", "hello"), "in.jsonl")
        let batch = try CastorProgram.shell(
            "ulimit -v 1000000; castor embed --model model --threads 1 --dimensions 2 --batch in.jsonl", in: folder)
        #expect(batch.status == 0, "\(batch.errors)")
        let answers = try batch.lines.map { try BatchAnswer($0) }
        #expect(answers.map(\.error?.status) == ["UNAVAILABLE", nil])
    }

    /// From less than the program needs to enough.
    @Test(arguments: Array(stride(from: 320, through: 620, by: 20)) + [700, 800, 1_000, 1_200, 1_500]) func serve(
        megabytes: Int
    ) throws {
        switch try RunningServer.start([], in: folder, megabytes: megabytes) {
        case .failure(let outcome):
            #expect(outcome.status == 69, "\(outcome.errors)")
            #expect(outcome.errors.contains("castor: ") && outcome.errors.contains("ulimit -v"), "\(outcome.errors)")
            Self.expectNoBlame(outcome.errors)
        case .success(let server):
            var isThere = true
            for text in ["hi", Self.longText] where isThere {
                do {
                    let reply = try server.request(
                        "POST", "/v1beta/models/gemini-embedding-2:embedContent",
                        #"{"content":{"parts":[{"text":"\#(text)"}]},"outputDimensionality":3}"#)
                    #expect([200, 503].contains(reply.status), "\(reply.text)")
                } catch {
                    // Where even warming up has no room, the server ends by itself.
                    isThere = false
                }
            }
            let outcome = try server.stop(SIGTERM)
            #expect(outcome.status == (isThere ? 0 : 69), "\(outcome.errors)")
            Self.expectNoBlame(outcome.errors)
        }
    }

    @Test func aRequestWithoutMemoryIs503AndTheNextIsAnswered() throws {
        try makeLongModel()
        let server = try RunningServer.start(["--model", "model", "--threads", "1"], in: folder, megabytes: 1_000).get()
        func embed(_ text: String) throws -> Connection.Reply {
            try server.request(
                "POST", "/v1beta/models/gemini-embedding-2:embedContent",
                #"{"content":{"parts":[{"text":"\#(text)"}]},"outputDimensionality":3}"#)
        }
        #expect(try embed("hi").status == 200)
        let reply = try embed(Self.longestText)
        #expect(reply.status == 503)
        #expect(reply.text.contains("UNAVAILABLE") && reply.text.contains("out of memory: "), "\(reply.text)")
        #expect(reply.head.lowercased().contains("retry-after: "))
        // A body that cannot be held either.
        let connection = try server.connect()
        connection.write(
            Array(
                ("POST /v1beta/models/gemini-embedding-2:embedContent HTTP/1.1\r\nHost: localhost\r\n"
                    + "Content-Length: 99000000\r\n\r\n{").utf8))
        let large = try connection.receive()
        #expect(large.status == 503, "\(large.text)")
        #expect(try embed("hi").status == 200)
        #expect(try server.stop(SIGTERM).status == 0)
    }
}
