import Castor
import FoundationEssentials
import Glibc

extension TextRun {
    /// The same texts as JSON, to both faces of a running server and to its count of tokens. A text is escaped in several ways, or broken: lone
    /// surrogates, bytes that are no UTF-8. The answer is a vector with as many tokens as are counted, or blames the request.
    static func throughServer(count: Int, seed: UInt64) throws {
        let folder = "\(scratchFolder)/fuzz-\(getpid())"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = try model(64, in: folder)
        let hostile = HostileText(dropped: try dropped(try Embedder(modelPath: path, options: oneThread)))
        let server = try FuzzedServer(model: path, folder: folder)
        defer { server.stop() }
        var progress = Progress("server", count: count)
        for index in 0..<count {
            var random = SeededGenerator(state: seed &* 0x9E37_79B9 &+ UInt64(index))
            let text = (Bool.random(using: &random) ? hostile.prefix(&random) : "") + hostile.core(&random)
            var isBroken = false
            let json = escaped(text, &random, &isBroken)
            let content = Array("{\"parts\":[{\"text\":\"".utf8) + json + Array("\"}]}".utf8)
            alarm(60)
            do {
                let counted = try server.post(
                    "gemini-embedding-2:countTokens", Array("{\"contents\":[".utf8) + content + Array("]}".utf8))
                for face in ["gemini-embedding-2", "gemini-embedding-001"] {
                    let body = Array("{\"outputDimensionality\":8,\"content\":".utf8) + content + Array("}".utf8)
                    try check(
                        try server.post("\(face):embedContent", body), counted, isBroken: isBroken,
                        isUnit: face.hasSuffix("2"))
                }
            } catch let finding as Finding {
                try FileManager.default.createDirectory(atPath: "Fuzzing/found", withIntermediateDirectories: true)
                try Data(content).write(to: URL(filePath: "Fuzzing/found/server"))
                say("server: seed \(seed), number \(index): \(finding)")
                exit(1)
            }
            alarm(0)
            progress.advance()
        }
        say("server: \(count) executions of three requests, \(progress.rate) a second, no finding")
    }

    private static func check(
        _ reply: FuzzedServer.Reply, _ counted: FuzzedServer.Reply, isBroken: Bool, isUnit: Bool
    ) throws {
        guard reply.status == counted.status || isBroken else {
            throw Finding(description: "status \(reply.status), and \(counted.status) of countTokens: \(reply.text)")
        }
        if reply.status == 400, isBroken { return }
        guard reply.status == 200 else { throw Finding(description: "status \(reply.status): \(reply.text)") }
        let answer = try JSONDecoder().decode(Answer.self, from: Data(reply.text.utf8))
        let norm = answer.embedding.values.reduce(0.0) { $0 + $1 * $1 }.squareRoot()
        guard norm.isFinite, norm > 0, !isUnit || abs(norm - 1) < 1e-5 else {
            throw Finding(description: "a vector of length \(norm)")
        }
        let total = try JSONDecoder().decode(Total.self, from: Data(counted.text.utf8)).totalTokens
        guard answer.usageMetadata.promptTokenCount == min(total, 64) else {
            throw Finding(description: "\(answer.usageMetadata.promptTokenCount) tokens embedded, \(total) counted")
        }
    }

    private struct Answer: Decodable {
        let embedding: Vector
        let usageMetadata: Usage
        struct Vector: Decodable { let values: [Double] }
        struct Usage: Decodable { let promptTokenCount: Int }
    }

    private struct Total: Decodable { let totalTokens: Int }

    /// As the inside of a JSON text, characters as they are or as escapes, and now and then something that is neither.
    private static func escaped(_ text: String, _ random: inout SeededGenerator, _ isBroken: inout Bool) -> [UInt8] {
        let escapes = Int.random(in: 0..<4, using: &random)
        var bytes: [UInt8] = []
        for scalar in text.unicodeScalars {
            if scalar.value < 0x20 || scalar == "\"" || scalar == "\\" || escapes == 0 {
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    bytes += "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8
                }
            } else {
                bytes += String(scalar).utf8
            }
        }
        if Int.random(in: 0..<6, using: &random) == 0 {
            isBroken = true
            let broken: [[UInt8]] = [
                Array("\\ud800".utf8), Array("\\udc00\\ud800".utf8), Array("\\ud83d x".utf8), Array("\\u12".utf8),
                [0xC0, 0x80], [0xED, 0xA0, 0x80],
                [0xFF], [0x0A], [0x00], Array("\\x".utf8),
            ]
            bytes += broken.randomElement(using: &random)!
        }
        return bytes
    }
}

/// `castor serve`, and a connection to it.
final class FuzzedServer {
    struct Reply {
        let status: Int
        let text: String
    }

    private let process: pid_t
    private var connection: Int32 = -1

    init(model: String, folder: String) throws {
        let log = "\(folder)/log"
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_addopen(&actions, 2, log, O_WRONLY | O_CREAT, 0o644)
        let words = [
            ".build/release/castor", "serve", "--model", model, "--port", "0", "--data-dir", "\(folder)/data",
            "--log-level", "error", "--threads", "1",
        ]
        var arguments = words.map { strdup($0) } + [nil]
        defer { arguments.forEach { free($0) } }
        var child: pid_t = 0
        guard posix_spawn(&child, words[0], &actions, nil, &arguments, environ) == 0 else {
            throw Finding(description: "\(words[0]) cannot be started: swift build -c release --product castor")
        }
        process = child
        var port: UInt16?
        for _ in 0..<6_000 where port == nil {
            usleep(10_000)
            let text = (try? Data(contentsOf: URL(filePath: log))).map { String(decoding: $0, as: UTF8.self) } ?? ""
            port = text.split(separator: "\n").first { $0.contains("listening at http") }?.split(separator: ":").last
                .flatMap { UInt16($0) }
        }
        guard let port else { throw Finding(description: "the server does not listen") }
        connection = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var yes: Int32 = 1
        setsockopt(connection, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(connection, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw Finding(description: "the server cannot be reached") }
    }

    func stop() {
        close(connection)
        kill(process, SIGTERM)
        waitpid(process, nil, 0)
    }

    func post(_ method: String, _ body: [UInt8]) throws -> Reply {
        let head = "POST /v1beta/models/\(method) HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: \(body.count)\r\n\r\n"
        var rest = (Array(head.utf8) + body)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw Finding(description: "the server has closed the connection") }
            rest = rest.dropFirst(count)
        }
        var reply: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { throw Finding(description: "the server has ended") }
            reply += buffer[..<count]
            if let reply = Self.whole(reply) { return reply }
        }
    }

    /// nil where more is to come.
    private static func whole(_ bytes: [UInt8]) -> Reply? {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let end = text.firstRange(of: "\r\n\r\n") else { return nil }
        let lines = text[..<end.lowerBound].split(separator: "\r\n")
        let length =
            lines.first { $0.lowercased().hasPrefix("content-length:") }.flatMap {
                Int($0.split(separator: " ").last ?? "")
            } ?? 0
        let body = text[end.upperBound...]
        guard body.utf8.count >= length,
            let status = lines.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { return nil }
        return Reply(status: status, text: String(body))
    }
}
