import Castor
import Foundation
import Glibc
import TestSupport
import Testing

/// The server as a process: how it starts, what it says, how it ends.
@Suite struct ServeTests {
    static let hello = #"{"content":{"parts":[{"text":"hi"}]},"outputDimensionality":3}"#
    static let path = "/v1beta/models/gemini-embedding-2:embedContent"

    @Test func itAnswersAndEndsWith0OnSIGTERM() throws {
        let folder = try Workspace()
        let server = try RunningServer(["--api-key", "k"], in: folder)
        #expect(try server.request("GET", "/livez").status == 200)
        #expect(try server.request("POST", Self.path, Self.hello).status == 403)
        let reply = try server.request("POST", Self.path, Self.hello, headers: ["x-goog-api-key: k"])
        #expect(reply.status == 200, "\(reply.text)")
        #expect(reply.text.hasPrefix("{\"embedding\":{\"values\":["))
        let outcome = try server.stop(SIGTERM)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.output.isEmpty)
        // Lines of log are JSON, and hold nothing that the client sent.
        let log = outcome.errors.split(separator: "\n").filter { $0.hasPrefix("{") }
        #expect(log.contains { $0.contains(#""route":"/v1beta/models/{model}:embedContent","status":"200""#) })
        for line in log { _ = try JSONSerialization.jsonObject(with: Data(line.utf8)) }
        #expect(!outcome.errors.contains("hi\""))
    }

    @Test func requestsOnTheirWayAreFinishedBeforeTheEnd() throws {
        let folder = try Workspace()
        let server = try RunningServer([], in: folder)
        let connection = try server.connect()
        try connection.send("POST", "/v1/models/gemini-embedding-2:batchEmbedContents", Self.longBatch(3), headers: [])
        // The server has the request once its metrics count contents.
        try Self.wait(for: Self.waiting, server) { $0 > 0 || !connection.isOpen }
        server.running.signal(SIGTERM)
        #expect(try connection.receive().status == 200)
        #expect(try server.stop(SIGTERM).status == 0)
    }

    @Test func theEndComesInTimeWhileTheModelIsAtWork() throws {
        let folder = try Workspace()
        for number in 0..<5 {
            let server = try RunningServer(["--drain-timeout", "1"], in: folder)
            let connection = try server.connect()
            try connection.send(
                "POST", "/v1/models/gemini-embedding-2:batchEmbedContents", Self.longBatch(100), headers: [])
            try Self.wait(for: Self.waiting, server) { $0 > 0 || !connection.isOpen }
            let outcome = try server.stop(SIGTERM)
            #expect(outcome.status == 0, "\(number): \(outcome.status) \(outcome.errors)")
            // What had to be given up is said, to whom it concerns and in the log.
            #expect(try connection.receive().status == 503)
            #expect(outcome.errors.contains("the time for requests to end is over"))
            #expect(outcome.errors.contains(#""status":"503""#))
        }
    }

    @Test func aSecondSignalDoesNotWait() throws {
        let folder = try Workspace()
        let server = try RunningServer([], in: folder)
        let connection = try server.connect()
        try connection.send(
            "POST", "/v1/models/gemini-embedding-2:batchEmbedContents", Self.longBatch(100), headers: [])
        // One that has not yet sent all it announced is answered, too.
        let half = try server.connect()
        half.write(Array("POST \(Self.path) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{".utf8))
        try Self.wait(for: Self.waiting, server) { $0 > 0 || !connection.isOpen }
        server.running.signal(SIGTERM)
        // Until it listens no more, and so has taken the first.
        try Standstill.wait(for: server.running.process) { !Connection.isOpen(port: server.port) }
        let outcome = try server.stop(SIGINT)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(try connection.receive().status == 503)
        #expect(try half.receive().status == 503)
    }

    @Test func theWorkOfAGoneClientIsDropped() throws {
        let folder = try Workspace()
        let server = try RunningServer([], in: folder)
        let connection = try server.connect()
        try connection.send(
            "POST", "/v1/models/gemini-embedding-2:batchEmbedContents", Self.longBatch(100), headers: [])
        try Self.wait(for: Self.waiting, server) { $0 > 0 && $0 < 100 }
        connection.close()
        try Self.wait(for: Self.waiting, server) { $0 == 0 }
        try Self.wait(for: "castor_cancelled_total ", server) { $0 == 1 }
        let metrics = try server.request("GET", "/metrics").text
        let computed = try #require(Self.value("castor_contents_total ", metrics))
        #expect(computed < 100, "all of it was computed")
        #expect(try server.request("POST", Self.path, Self.hello).status == 200)
        #expect(try server.stop(SIGTERM).status == 0)
    }

    @Test func aPassedDeadlineIs504() throws {
        let folder = try Workspace()
        let server = try RunningServer([], in: folder)
        let reply = try server.request(
            "POST", "/v1/models/gemini-embedding-2:batchEmbedContents", Self.longBatch(100),
            headers: ["X-Server-Timeout: 1"])
        #expect(reply.status == 504, "\(reply.text.prefix(200))")
        #expect(reply.text.contains("DEADLINE_EXCEEDED"))
        #expect(try server.stop(SIGTERM).status == 0)
    }

    private static let waiting = #"castor_waiting_contents{priority="interactive"} "#

    /// Contents that fill the context: a hundred are many seconds of work, on whatever machine.
    private static func longBatch(_ count: Int) -> String {
        let text = String(repeating: "word ", count: 8_500)
        let one = #"{"content":{"parts":[{"text":"\#(text)"}]},"outputDimensionality":1}"#
        return #"{"requests":[\#(Array(repeating: one, count: count).joined(separator: ","))]}"#
    }

    private static func value(_ name: String, _ metrics: String) -> Double? {
        metrics.split(separator: "\n").first { $0.hasPrefix(name) }.flatMap { Double($0.dropFirst(name.count)) }
    }

    /// Until a metric is as it should be.
    private static func wait(for name: String, _ server: RunningServer, _ isRight: (Double) -> Bool) throws {
        var last: Double?
        do {
            try Standstill.wait(for: server.running.process) {
                last = value(name, try server.request("GET", "/metrics").text)
                return last.map(isRight) ?? false
            }
        } catch is Standstill.Reached {
            Issue.record("\(name) is \(last.map { "\($0)" } ?? "not there"), and the server stands still")
        }
    }

    @Test func keysComeFromFileAndEnvironment() throws {
        let folder = try Workspace()
        try folder.write("# staff\n one \n\ntwo # not a comment\n", "keys")
        let server = try RunningServer(
            ["--api-key-file", "keys"], in: folder, environment: ["CASTOR_API_KEY": "three, four"])
        for (key, isIn) in [("one", true), ("three", true), ("four", true), ("two", false), ("# staff", false)] {
            let status = try server.request("GET", "/v1/models", headers: ["x-goog-api-key: \(key)"]).status
            #expect(status == (isIn ? 200 : 400), "\(key)")
        }
        #expect(try server.stop(SIGINT).status == 0)
    }

    /// A variable that was to hold a key must not open the server.
    @Test(arguments: ["", " , "]) func anEmptyKeyInTheEnvironmentIsNone(value: String) throws {
        let folder = try Workspace()
        let result = try CastorProgram.run(
            ["serve", "--port", "0"], in: folder, environment: ["CASTOR_API_KEY": value])
        #expect(result.status == 64)
        #expect(result.errors.contains("CASTOR_API_KEY is set, and empty"))
    }

    @Test func itWarnsWhenItListensWider() throws {
        let folder = try Workspace()
        let open = try RunningServer(["--host", "0.0.0.0"], in: folder)
        #expect(try open.stop(SIGTERM).errors.contains("without an API key"))
        let local = try RunningServer([], in: folder)
        #expect(try !local.stop(SIGTERM).errors.contains("warning"))
        // All of 127.0.0.0/8 is this machine's own.
        let other = try RunningServer(["--host", "127.0.0.2"], in: folder)
        #expect(try !other.stop(SIGTERM).errors.contains("warning"))
    }

    @Test func anAddressMayHaveTheBracketsOfAURL() throws {
        let folder = try Workspace()
        // Where the machine has IPv6; else it says so, of the bare address.
        let server = try CastorProgram.start(
            ["serve", "--port", "0", "--data-dir", "data", "--host", "[::1]"], in: folder)
        try Standstill.wait(for: server.process) { server.errorsSoFar.hasSuffix("\n") }
        server.signal(SIGTERM)
        let errors = try server.wait().errors
        #expect(errors.contains("castor: listening at http://[::1]:") || errors.contains(" ::1 "), "\(errors)")
        #expect(!errors.contains("warning"))
    }

    @Test func whatIsNoAddressIsNotWarnedOf() throws {
        let folder = try Workspace()
        let outcome = try CastorProgram.run(
            ["serve", "--port", "0", "--data-dir", "data", "--host", "nowhere.invalid"], in: folder)
        #expect(outcome.status == 73)
        #expect(!outcome.errors.contains("warning"), "\(outcome.errors)")
        let empty = try CastorProgram.run(["serve", "--host", ""], in: folder)
        #expect(empty.status == 64)
        #expect(empty.errors.hasPrefix("castor: --host must not be empty"), "\(empty.errors)")
    }

    @Test func wrongUsageAndMissingModelsAreSaid() throws {
        let folder = try Workspace()
        for arguments in [
            ["--port", "70000"], ["--tls-cert", "a.pem"], ["--max-body-bytes", "0"], ["--max-waiting-contents", "5"],
            ["--log-level", "loud"], ["--api-key", ""],
        ] {
            #expect(try CastorProgram.run(["serve"] + arguments, in: folder).status == 64, "\(arguments)")
        }
        #expect(try CastorProgram.run(["serve", "--port", "0"], in: folder, model: "nowhere").status == 66)
        #expect(try CastorProgram.run(["serve", "--port", "0", "--api-key-file", "none"], in: folder).status == 66)
        try folder.write("# nothing\n", "empty")
        #expect(try CastorProgram.run(["serve", "--port", "0", "--api-key-file", "empty"], in: folder).status == 65)
    }

    @Test func withoutTLSBuiltInItsOptionsAreRefused() throws {
        let folder = try Workspace()
        let outcome = try CastorProgram.run(
            ["serve", "--port", "0", "--data-dir", "data", "--tls-cert", "a.pem", "--tls-key", "b.pem"], in: folder)
        #if TLS
            #expect(outcome.status == 73, "\(outcome.errors)")
        #else
            #expect(outcome.status == 64)
            #expect(outcome.errors.contains("--traits TLS"))
        #endif
    }

    @Test func aPortInUseIsSaid() throws {
        let folder = try Workspace()
        let first = try RunningServer([], in: folder)
        // Again and again, because the model's threads are just at work then, and must not make the end a crash.
        for number in 0..<10 {
            let second = try CastorProgram.run(
                ["serve", "--port", "\(first.port)", "--data-dir", "other"], in: folder)
            #expect(second.status == 73, "\(number): \(second.errors)")
            #expect(
                second.errors.contains(
                    "castor: port \(first.port) of 127.0.0.1 is in use; choose another with --port\n"))
        }
        let foreign = try CastorProgram.run(
            ["serve", "--port", "0", "--host", "192.0.2.1", "--data-dir", "other"], in: folder)
        #expect(foreign.status == 73)
        #expect(foreign.errors.contains("--host"), "\(foreign.errors)")
        let unknown = try CastorProgram.run(
            ["serve", "--port", "0", "--host", "nosuch.invalid", "--data-dir", "other"], in: folder)
        #expect(unknown.status == 73)
        #expect(
            unknown.errors.contains(
                "castor: no machine of the name nosuch.invalid is known; choose another with --host\n"),
            "\(unknown.errors)")
        #expect(try first.stop(SIGTERM).status == 0)
    }

    @Test func aDataFolderInUseIsSaid() throws {
        let folder = try Workspace()
        let first = try RunningServer([], in: folder)
        let second = try CastorProgram.run(["serve", "--port", "0", "--data-dir", "data"], in: folder)
        #expect(second.status == 73)
        #expect(
            second.errors == "castor: --data-dir: another castor serve uses data; give this one another --data-dir\n")
        #expect(try first.stop(SIGTERM).status == 0)
    }

    @Test func whatItRemembersIsItsOwnersAlone() throws {
        let folder = try Workspace()
        // A folder made beforehand, with a database that an older version left.
        try folder.makeFolder("data")
        try folder.write([], "data/state.sqlite", mode: 0o644)
        let server = try RunningServer([], in: folder)
        for name in ["state.sqlite", "state.sqlite-wal", "state.sqlite-shm"] {
            var status = stat()
            #expect(stat("\(folder.path)/data/\(name)", &status) == 0)
            #expect(status.st_mode & 0o777 == 0o600, "\(name)")
        }
        #expect(try server.stop(SIGTERM).status == 0)
    }

    /// An upload whose body breaks off, or is no HTTP any more, keeps what came and does not become a file.
    @Test func anUploadThatBreaksOffGoesOnWhereItWas() throws {
        let folder = try Workspace()
        let server = try RunningServer([], in: folder)
        let start = try server.request(
            "POST", "/upload/v1beta/files", #"{"file":{"mime_type":"text/plain"}}"#,
            headers: ["X-Goog-Upload-Protocol: resumable", "X-Goog-Upload-Command: start"])
        let url = try #require(
            start.head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("x-goog-upload-url:") })
        let path = String(url[try #require(url.range(of: "/upload/")?.lowerBound)...])
        func query() throws -> Int? {
            let reply = try server.request("POST", path, headers: ["X-Goog-Upload-Command: query"])
            #expect(reply.head.lowercased().contains("x-goog-upload-status: active"), "\(reply.head)")
            return reply.head.split(separator: "\r\n").first {
                $0.lowercased().hasPrefix("x-goog-upload-size-received:")
            }
            .flatMap { Int($0.split(separator: " ")[1]) }
        }
        // Five bytes each time, of which more were announced or a chunk's length is nonsense.
        for (number, (length, body)) in [
            ("Content-Length: 1000", "hello"), ("Transfer-Encoding: chunked", "5\r\nhello\r\nzz\r\n"),
            ("Transfer-Encoding: chunked", "5\r\nhello\r\n"),
        ].enumerated() {
            let connection = try server.connect()
            connection.write(
                Array(
                    ("POST \(path) HTTP/1.1\r\nHost: localhost\r\nX-Goog-Upload-Command: upload, finalize\r\n"
                        + "X-Goog-Upload-Offset: \(5 * number)\r\n\(length)\r\n\r\n\(body)").utf8))
            connection.endWriting()
            // Whatever the server says, if anything: it has the bytes once it has closed.
            #expect(connection.receiveRest().allSatisfy { !$0.contains("HTTP/1.1 2") && !$0.contains("HTTP/1.1 5") })
            #expect(try query() == 5 * (number + 1))
        }
        let last = try server.request(
            "POST", path, " end",
            headers: ["X-Goog-Upload-Command: upload, finalize", "X-Goog-Upload-Offset: 15"])
        #expect(last.status == 200 && last.text.contains(#""sizeBytes":"19""#), "\(last.text)")
        // In one request there is nothing to go on with: no file is left.
        for type in ["raw", "multipart"] {
            let connection = try server.connect()
            connection.write(
                Array(
                    ("POST /upload/v1beta/files HTTP/1.1\r\nHost: localhost\r\nX-Goog-Upload-Protocol: \(type)\r\n"
                        + "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n").utf8))
            connection.endWriting()
            #expect(connection.receiveRest().allSatisfy { !$0.contains("HTTP/1.1 2") && !$0.contains("HTTP/1.1 5") })
        }
        let files = try server.request("GET", "/v1beta/files").text
        #expect(files.components(separatedBy: #""name":"#).count == 2, "\(files)")
        let body = try server.connect()
        body.write(
            Array(
                "POST \(Self.path) HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"con\r\nzz\r\n"
                    .utf8)
        )
        #expect(try body.receiveHead().hasPrefix("HTTP/1.1 400"))
        #expect(try server.request("POST", Self.path, Self.hello).status == 200)
        #expect(try server.stop(SIGTERM).status == 0)
    }

    /// google-genai joins a list of strings; nobody tells its user but the log.
    @Test func severalTextsInOneVectorAreNoted() throws {
        let folder = try Workspace()
        let server = try RunningServer([], in: folder)
        let path = "/v1beta/models/gemini-embedding-2:batchEmbedContents"
        let fused = #"{"requests":[{"content":{"parts":[{"text":"a"},{"text":"b"},{"text":"c"}]}}]}"#
        let agent = ["User-Agent: google-genai-sdk/3.6.1 gl-python/3.11"]
        for (body, headers) in [
            (fused, agent), (fused, ["User-Agent: curl/8"]), (#"{"requests":[\#(Self.hello)]}"#, agent),
            (#"{"requests":[\#(Self.hello),\#(Self.hello)]}"#, agent),
        ] {
            #expect(try server.request("POST", path, body, headers: headers).status == 200)
        }
        let notes = try server.stop(SIGTERM).errors.split(separator: "\n").filter {
            $0.contains("one vector for several texts")
        }
        #expect(notes.count == 1)
        #expect(notes.first?.contains(#""texts":"3""#) ?? false)
    }

    @Test func answersInGzipAreAnOption() throws {
        let folder = try Workspace()
        let server = try RunningServer(["--gzip-replies", "always"], in: folder)
        let reply = try server.request(
            "POST", Self.path, #"{"content":{"parts":[{"text":"hi"}]}}"#, headers: ["Accept-Encoding: gzip"])
        #expect(reply.head.lowercased().contains("content-encoding: gzip"))
        #expect(try server.stop(SIGTERM).status == 0)
        #expect(try CastorProgram.run(["serve", "--gzip-replies", "loudly"], in: folder).status == 64)
    }
}
