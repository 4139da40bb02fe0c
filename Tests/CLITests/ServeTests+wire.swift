import Castor
import Foundation
import Glibc
import TestSupport
import Testing

/// What comes over the wire that is no request of HTTP/1.1, or not a whole one.
extension ServeTests {
    @Test func nonsenseOnTheWireDoesNotHurt() throws {
        let folder = try Workspace()
        let server = try RunningServer([], in: folder)
        for text in [
            "\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\u{16}\u{3}\u{1}",
            "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
            "POST \(Self.path) HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "GET / HTTP/1.1\r\n\(String(repeating: "a: b\r\n", count: 200))\r\n",
            "GET / HTTP/1.1\r\na: \(String(repeating: "b", count: 100_000))\r\n\r\n",
        ] {
            let connection = try server.connect()
            connection.write(Array(text.utf8))
            connection.close()
        }
        // Half a request, then gone.
        let half = try server.connect()
        half.write(Array("POST \(Self.path) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{".utf8))
        half.close()
        #expect(try server.request("POST", Self.path, Self.hello).status == 200)
        #expect(try server.stop(SIGTERM).status == 0)
    }

    @Test func whatTheParserRefusesIsExplained() throws {
        let folder = try Workspace()
        let server = try RunningServer(["--max-header-bytes", "5000"], in: folder)
        for (text, message) in [
            (
                "GET / HTTP/1.1\r\na: \(String(repeating: "b", count: 100_000))\r\n\r\n",
                "at most 5000 bytes in 100 fields"
            ),
            ("GET / HTTP/1.1\r\n\(String(repeating: "a: b\r\n", count: 200))\r\n", "at most 5000 bytes in 100 fields"),
            ("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "no valid HTTP/1.1"),
            ("GET / HTTP/1.1\r\nHost: localhost\r\nHost: 127.0.0.1\r\n\r\n", "more than one Host header"),
        ] {
            let connection = try server.connect()
            connection.write(Array(text.utf8))
            let reply = try connection.receive()
            #expect(reply.status == 400)
            #expect(reply.text.contains("INVALID_ARGUMENT") && reply.text.contains(message), "\(reply.text)")
        }
        // Amid answers to requests that came before, it is these that count.
        let connection = try server.connect()
        connection.write(
            Array("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.1\r\nContent-Length: x\r\n\r\n".utf8))
        #expect(try connection.receive().status == 200)
        #expect(try server.request("GET", "/livez").status == 200)
        #expect(try server.stop(SIGTERM).status == 0)
    }

    @Test func curlsExpectationIsAnsweredAtOnce() throws {
        let folder = try Workspace()
        let server = try RunningServer([], in: folder)
        let connection = try server.connect()
        connection.write(
            Array(
                "POST \(Self.path) HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: \(Self.hello.utf8.count)\r\n\r\n"
                    .utf8))
        #expect(try connection.receiveHead().hasPrefix("HTTP/1.1 100"))
        connection.write(Array(Self.hello.utf8))
        #expect(try connection.receive().status == 200)
        #expect(try server.stop(SIGTERM).status == 0)
    }

    /// gRPC's way to begin: HTTP/2 without TLS.
    @Test func clientsOfHTTP2AreToldWhatIsSpokenHere() throws {
        let folder = try Workspace()
        let server = try RunningServer([], in: folder)
        let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        // Settings, a ping, and a request on stream 5 that would be `GET http /`.
        let frames: [UInt8] =
            [0, 0, 0, 4, 0, 0, 0, 0, 0] + [0, 0, 8, 6, 0, 0, 0, 0, 0] + (1...8) + [
                0, 0, 3, 1, 5, 0, 0, 0, 5, 0x82, 0x86, 0x84,
            ]
        let bytes = Array(preface.utf8) + frames
        let answers = try [[bytes], bytes.map { [$0] }].map { pieces in
            let connection = try server.connect()
            for piece in pieces { connection.write(piece) }
            return Array(connection.receiveRest().joined(separator: "\r\n").utf8)
        }
        // In one piece and letter by letter.
        #expect(answers[0] == answers[1])
        let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0]
        let pong: [UInt8] = [0, 0, 8, 6, 1, 0, 0, 0, 0] + (1...8)
        #expect(answers[0].starts(with: settings + pong))
        // Its header block is literal: the status can be read.
        let text = String(decoding: answers[0], as: UTF8.self)
        #expect(text.contains("505") && text.contains("text/plain") && text.contains("Castor speaks HTTP/1.1."))
        #expect(answers[0].suffix(17) == [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0])
        // A request of HTTP/1 that begins alike, whole and letter by letter, and one that asks for HTTP/2.
        for pieces in [
            ["PROPFIND / HTTP/1.1\r\nHost: localhost\r\n\r\n"],
            "PROPFIND / HTTP/1.1\r\nHost: localhost\r\n\r\n".map(String.init),
        ] {
            let connection = try server.connect()
            for piece in pieces { connection.write(Array(piece.utf8)) }
            #expect(try connection.receive().status == 405)
        }
        let upgrade = try server.request(
            "GET", "/livez",
            headers: ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"])
        #expect(upgrade.status == 200)
        let hello = try server.connect()
        hello.write([0x16, 0x03, 0x01, 0x02, 0x00, 0x01])
        hello.endWriting()
        _ = hello.receiveRest()
        let outcome = try server.stop(SIGTERM)
        #expect(outcome.status == 0)
        #expect(outcome.errors.contains("a client speaks HTTP/2 without TLS"))
        #expect(outcome.errors.contains("a client speaks TLS; this port is plain HTTP"))
    }
}
