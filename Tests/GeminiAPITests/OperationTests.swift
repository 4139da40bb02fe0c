import Foundation
import GeminiAPI
import HTTPTypes
import Logging
import TestSupport
import Testing

/// What those see who run the server.
@Suite struct OperationTests {
    @Test(arguments: Transport.allCases)
    func itIsReadyOnceTheModelIsWarm(_ transport: Transport) async throws {
        try await TestServer.with(transport) { client in
            #expect(try await client.get("/livez").status == 200)
            try await Standstill.wait {
                let ready = try await client.get("/readyz").status
                #expect(ready == 503 || ready == 200)
                return ready == 200
            }
        }
    }

    @Test func metricsCountByTemplate() async throws {
        try await TestServer.with { client in
            for name in ["gemini-embedding-2", "castor-nano"] {
                #expect(try await client.embed(ErrorTests.hello, model: name).status == 200)
            }
            for name in ["made", "up"] {
                #expect(try await client.embed(ErrorTests.hello, model: name).status == 404)
                #expect(try await client.get("/\(name)").status == 404)
            }
            let reply = try await client.get("/metrics")
            #expect(reply.headers[.contentType] == "text/plain; version=0.0.4; charset=utf-8")
            let text = reply.text
            let template = #"method="POST",route="/v1beta/models/{model}:embedContent""#
            #expect(text.contains("castor_requests_total{\(template),status=\"200\"} 2\n"))
            #expect(text.contains("castor_requests_total{\(template),status=\"404\"} 2\n"))
            #expect(!text.contains("made"))
            #expect(text.contains("castor_contents_total 2\n"))
            #expect(text.contains("castor_tokens_total{modality=\"text\"} "))
            #expect(text.contains("\n# TYPE castor_decoders_ended_total counter\ncastor_decoders_ended_total "))
            #expect(text.contains("castor_waiting_contents{priority=\"interactive\"} 0\n"))
            for line in text.split(separator: "\n") where !line.hasPrefix("#") {
                let words = line.split(separator: " ")
                #expect(words.count >= 2 && Double(words.last!) != nil, "\(line)")
            }
        }
    }

    /// No name, wherever it comes from, ends a line or acts on a terminal.
    @Test func controlCharactersAreEscapedInTheLog() throws {
        let name = "a\u{1b}[31m\n\u{7f}\u{9b}2J\u{85}\r\u{0}é"
        let line = LineLogHandler().line(
            LogEvent(
                level: .info, message: "\(name)", metadata: ["\(name)": "\(name)"], source: "s", file: "f",
                function: "f",
                line: 1))
        let text = try #require(String(validating: line, as: UTF8.self))
        #expect(text.dropLast().unicodeScalars.allSatisfy { $0.properties.generalCategory != .control })
        #expect(text.last == "\n")
        let json = JSON(try JSONSerialization.jsonObject(with: Data(line)))
        #expect(try json["message"].string == name && json[name].string == name)
    }

    @Test func answersSayWhereTheTimeWent() async throws {
        try await TestServer.with { client in
            let timing = try #require(
                try await client.embed(ErrorTests.hello).headers[.init("server-timing")!])
            let names = timing.split(separator: ", ").map { $0.split(separator: ";")[0] }
            #expect(names == ["queue", "decode", "compute"])
        }
    }

    @Test func aClientsDeadlineIsANumberOfSeconds() async throws {
        try await TestServer.with { client in
            let name = HTTPField.Name("x-server-timeout")!
            let path = "/v1/models/gemini-embedding-2:embedContent"
            #expect(try await client.post(path, ErrorTests.hello, headers: [name: "1000000"]).status == 200)
            for bad in ["soon", "-1", "nan", "inf"] {
                try await client.post(path, ErrorTests.hello, headers: [name: bad])
                    .expectError(400, "INVALID_ARGUMENT")
            }
        }
    }
}
