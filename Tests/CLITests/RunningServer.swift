import Foundation
import Glibc
import TestSupport
import Testing

/// `castor serve` at a free port, with patience for a machine that is busy: no limit of its own is ever reached unless a test sets it.
final class RunningServer {
    let running: Running
    let port: UInt16
    private var isStopped = false

    private static let patience = ["idle", "request", "drain"].flatMap { ["--\($0)-timeout", "1000000"] }

    convenience init(_ arguments: [String], in folder: Workspace, environment: [String: String] = [:]) throws {
        let running = try CastorProgram.start(Self.command + arguments, in: folder, environment: environment)
        try self.init(running, port: #require(try Self.port(of: running), "\(running.errorsSoFar)"))
    }

    private init(_ running: Running, port: UInt16) throws {
        self.running = running
        self.port = port
    }

    private static let command = ["serve", "--port", "0", "--data-dir", "data"] + patience

    /// nil where it has ended before it listened, or stands still.
    private static func port(of running: Running) throws -> UInt16? {
        var found: UInt16?
        do {
            try Standstill.wait(for: running.process) {
                found = running.errorsSoFar.split(separator: "\n").first { $0.contains("listening at http") }
                    .flatMap { $0.split(separator: ":").last }.flatMap { UInt16($0) }
                return found != nil
            }
        } catch is Standstill.Reached {}
        return found
    }

    /// With a bound on the address space, under which it may end instead.
    static func start(_ arguments: [String], in folder: Workspace, megabytes: Int) throws -> Result<
        RunningServer, Ended
    > {
        try start(arguments, in: folder, under: "ulimit -v \(megabytes * 1_000)")
    }

    /// - Parameter limit: a line of shell
    static func start(_ arguments: [String], in folder: Workspace, under limit: String) throws -> Result<
        RunningServer, Ended
    > {
        let line = "\(limit); exec \"$CASTOR\" \"$@\""
        let running = try Running(
            ["/bin/bash", "-c", line, "bash"] + command + arguments, input: "/dev/null", folder: folder,
            model: CastorProgram.nano, environment: ["CASTOR": CastorProgram.path])
        if let port = try port(of: running) { return .success(try RunningServer(running, port: port)) }
        return .failure(Ended(outcome: try running.wait()))
    }

    /// Before it listened.
    struct Ended: Error {
        let outcome: CastorProgram.Outcome
        var status: Int32 { outcome.status }
        var errors: String { outcome.errors }
    }

    deinit {
        if !isStopped { running.signal(SIGKILL) }
    }

    func stop(_ signal: Int32) throws -> CastorProgram.Outcome {
        running.signal(signal)
        isStopped = true
        return try running.wait()
    }

    func connect() throws -> Connection { try Connection(port: port, of: running.process) }

    func request(_ method: String, _ path: String, _ body: String = "", headers: [String] = []) throws
        -> Connection.Reply
    {
        let connection = try connect()
        defer { connection.close() }
        try connection.send(method, path, body, headers: headers)
        return try connection.receive()
    }
}

/// One TCP connection and just enough HTTP.
final class Connection {
    struct Reply {
        let status: Int
        let head: String
        let text: String
    }

    private let server: pid_t
    private var descriptor: Int32
    private var pending: [UInt8] = []

    init(port: UInt16, of server: pid_t) throws {
        self.server = server
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let code = Self.connect(descriptor, port)
        try #require(code == 0, "connect: \(String(cString: strerror(errno)))")
    }

    /// Whether somebody listens at this port.
    static func isOpen(port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { Glibc.close(descriptor) }
        return connect(descriptor, port) == 0
    }

    private static func connect(_ descriptor: Int32, _ port: UInt16) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor, $0, size) }
        }
    }

    deinit { close() }

    func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    /// Whether no answer has come yet.
    var isOpen: Bool {
        var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&poller, 1, 0) == 0
    }

    /// A connection that the server has closed takes no more; that is not an error here.
    func write(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            sent += count
        }
    }

    func send(_ method: String, _ path: String, _ body: String, headers: [String]) throws {
        let lines = ["\(method) \(path) HTTP/1.1", "Host: 127.0.0.1", "Content-Length: \(body.utf8.count)"] + headers
        write(Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + body).utf8))
    }

    func receiveHead() throws -> String {
        let end = Array("\r\n\r\n".utf8)
        while true {
            if let at = pending.indices.first(where: { pending[$0...].starts(with: end) }) {
                let head = String(decoding: pending[..<at], as: UTF8.self)
                pending.removeSubrange(..<(at + end.count))
                return head
            }
            try more()
        }
    }

    func receive() throws -> Reply {
        let head = try receiveHead()
        let lines = head.split(separator: "\r\n")
        let status = try #require(lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) }, "\(head)")
        let length =
            lines.first { $0.lowercased().hasPrefix("content-length:") }
            .flatMap { Int($0.split(separator: ":")[1].trimmingCharacters(in: .whitespaces)) } ?? 0
        while pending.count < length { try more() }
        let body = String(decoding: pending[..<length], as: UTF8.self)
        pending.removeSubrange(..<length)
        return Reply(status: status, head: head, text: body)
    }

    /// No more is sent; the server can still answer.
    func endWriting() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Lines until the server closes.
    func receiveRest() -> [String] {
        while receiveSome() {}
        return String(decoding: pending, as: UTF8.self).components(separatedBy: "\r\n")
    }

    private func more() throws {
        let isOpen = receiveSome()
        try #require(isOpen, "the server closed the connection")
    }

    /// False where the server has closed, or does nothing any more.
    private func receiveSome() -> Bool {
        var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        var standstill = Standstill(of: server)
        while poll(&poller, 1, 200) == 0 {
            guard standstill.isReached() else { continue }
            // It may have answered, and then ended.
            if poll(&poller, 1, 0) == 0 {
                Issue.record("no answer, and the server stands still")
                return false
            }
        }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        pending += buffer.prefix(max(0, count))
        return count > 0
    }
}
