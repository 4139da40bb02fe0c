import Foundation
import Glibc
import TestSupport
import Testing

/// `castor serve --decoders`: the same answers, and a server that outlives its decoders.
@Suite struct ServedDecodersTests {
    private static let path = "/v1beta/models/gemini-embedding-2:embedContent"

    private static func content(_ name: String, _ type: String) throws -> String {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(CastorProgram.fixtures)/media/\(name)"))
        return
            #"{"content":{"parts":[{"inlineData":{"mimeType":"\#(type)","data":"\#(bytes.base64EncodedString())"}}]}}"#
    }

    /// Ids of processes that decode for another.
    private static func decoders(of server: pid_t) throws -> [pid_t] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap(pid_t.init).filter { process in
            guard let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
                let command = try? String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8)
            else { return false }
            let fields = status.split(separator: ")").last?.split(separator: " ") ?? []
            return fields.count > 1 && pid_t(fields[1]) == server && command.hasPrefix("castor-decoder")
        }
    }

    @Test func answersAreTheSameInsideAndOutside() throws {
        let contents = [
            try Self.content("scene.jpg", "image/jpeg"), try Self.content("alpha.heic", "image/heic"),
            try Self.content("music.mp3", "audio/mpeg"), try Self.content("clip.mp4", "video/mp4"),
        ]
        var answers: [[String]] = []
        for arguments in [["--decoders", "inside"], ["--decoders", "outside"], []] {
            let folder = try Workspace()
            let server = try RunningServer(arguments, in: folder)
            #expect(try Self.decoders(of: server.running.process).count == (arguments.last == "inside" ? 0 : 3))
            answers.append(
                try contents.map { content in
                    let reply = try server.request("POST", Self.path, content)
                    #expect(reply.status == 200, "\(reply.text)")
                    return reply.text
                })
            #expect(try server.stop(SIGTERM).status == 0)
        }
        #expect(answers[0] == answers[1] && answers[0] == answers[2])
    }

    /// Who asked for them gets no server where none can be started; who did not is told.
    @Test func whereNoneCanBeStartedTheServerDecodes() throws {
        let folder = try Workspace()
        // Files may have 500 kB, and so may memory that is shared with a decoder.
        let bound = "ulimit -f 500"
        let ended = try RunningServer.start(["--decoders", "outside"], in: folder, under: bound)
        guard case .failure(let outcome) = ended else {
            Issue.record("it listens")
            return
        }
        #expect(outcome.status == 69)
        #expect(outcome.errors.hasPrefix("castor: --decoders outside: the process that decodes files failed: "))
        let server = try RunningServer.start([], in: folder, under: bound).get()
        #expect(try Self.decoders(of: server.running.process).isEmpty)
        let said = server.running.errorsSoFar
        #expect(said.contains("castor: warning: files are decoded inside the server (--decoders inside): "), "\(said)")
        let reply = try server.request("POST", Self.path, try Self.content("scene.jpg", "image/jpeg"))
        #expect(reply.status == 200, "\(reply.text)")
        #expect(try server.stop(SIGTERM).status == 0)
    }

    @Test func theServerOutlivesItsDecodersAndTheyDoNotOutliveIt() throws {
        let folder = try Workspace()
        let server = try RunningServer(["--decoders", "outside"], in: folder)
        let content = try Self.content("scene.jpg", "image/jpeg")
        let expected = try server.request("POST", Self.path, content)
        #expect(expected.status == 200, "\(expected.text)")
        for _ in 0..<5 {
            for decoder in try Self.decoders(of: server.running.process) { kill(decoder, SIGKILL) }
            // What was killed before is no file's fault, and what is killed amid one neither.
            for _ in 0..<2 {
                let reply = try server.request("POST", Self.path, content)
                #expect([200, 503].contains(reply.status), "\(reply.text)")
            }
            let reply = try server.request("POST", Self.path, content)
            #expect(reply.text == expected.text)
        }
        let decoders = try Self.decoders(of: server.running.process)
        #expect(!decoders.isEmpty)
        _ = try server.stop(SIGKILL)
        // The kernel ends them with the thread that started them. Who has ended has no command line.
        for decoder in decoders {
            try Standstill.wait(for: decoder) {
                (try? String(contentsOfFile: "/proc/\(decoder)/cmdline", encoding: .utf8))?.isEmpty ?? true
            }
        }
    }

    /// Niceness of a process's first thread.
    private static func niceness(of process: pid_t) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
        let fields = status.split(separator: ")").last?.split(separator: " ") ?? []
        return try #require(fields.count > 16 ? Int(fields[16]) : nil)
    }

    private static func name(of process: pid_t) -> String? {
        try? String(contentsOfFile: "/proc/\(process)/comm", encoding: .utf8)
    }

    /// Under their names, and with no more of the processor than the program was given.
    @Test func whatDecodesHasANameAndTheServersNiceness() throws {
        let folder = try Workspace()
        let server = try RunningServer.start([], in: folder, under: "renice -n 10 -p $$ >/dev/null").get()
        let process = server.running.process
        let decoders = try Self.decoders(of: process)
        #expect(decoders.count == 3)
        for decoder in decoders {
            #expect(Self.name(of: decoder) == "castor-decoder\n")
            #expect(try Self.niceness(of: decoder) >= 10)
        }
        let document = try server.connect()
        let data = Data(EndlessDocument.bytes).base64EncodedString()
        try document.send(
            "POST", Self.path,
            #"{"content":{"parts":[{"inlineData":{"mimeType":"application/pdf","data":"\#(data)"}}]}}"#, headers: [])
        var renderer: pid_t?
        try Standstill.wait(for: process) {
            renderer = try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap(pid_t.init).first {
                Self.name(of: $0) == "castor-pdf\n" && Self.parent(of: $0) == process
            }
            return renderer != nil
        }
        // Five behind the server: once it has its name, its niceness is the next thing that it sets.
        try Standstill.wait(for: process) { try Self.niceness(of: try #require(renderer)) >= 15 }
        document.close()
        _ = try server.stop(SIGKILL)
    }

    private static func parent(of process: pid_t) -> pid_t? {
        let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
        let fields = status?.split(separator: ")").last?.split(separator: " ") ?? []
        return fields.count > 1 ? pid_t(fields[1]) : nil
    }

    // MARK: - Descriptors

    /// More connections than there are files to be open are not taken, and so not refused again and again.
    @Test func connectionsLeaveRoomForFiles() throws {
        let folder = try Workspace()
        let server = try RunningServer.start([], in: folder, under: "ulimit -n 64").get()
        let said = server.running.errorsSoFar
        #expect(
            said.contains(
                "castor: warning: 16 connections at once, not 512 (--max-connections): this process may have 64 files open (ulimit -n)\n"
            ), "\(said)")
        let connections = try (0..<40).map { _ in try server.connect() }
        let content = try Self.content("scene.jpg", "image/jpeg")
        try connections[0].send("POST", Self.path, content, headers: [])
        #expect(try connections[0].receive().status == 200)
        for connection in connections[..<39] { connection.close() }
        try connections[39].send("POST", Self.path, content, headers: [])
        #expect(try connections[39].receive().status == 200)
        #expect(try server.stop(SIGTERM).status == 0)
    }

    /// Want of descriptors is the machine's, and said with its limit.
    @Test func withoutDescriptorsADocumentIsNotBlamed() throws {
        let folder = try Workspace()
        try folder.copyMedia("two-pages.pdf")
        let outcome = try CastorProgram.shell("ulimit -n 8; castor embed @two-pages.pdf", in: folder)
        #expect(outcome.status == 69)
        #expect(outcome.errors.contains("Too many open files (ulimit -n 8)"), "\(outcome.errors)")
    }

    @Test func aPlaceThatIsNoneIsWrongUsage() throws {
        let folder = try Workspace()
        #expect(try CastorProgram.run(["serve", "--decoders", "elsewhere"], in: folder).status == 64)
    }
}
