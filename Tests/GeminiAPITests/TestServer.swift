import Castor
import Foundation
import GeminiAPI
import HTTPTypes
import Logging
import TestSupport
import Testing

/// How a test reaches the server. The same test body does for both.
enum Transport: String, CaseIterable, Sendable {
    case inProcess, socket
}

/// A server with castor-nano.
enum TestServer {
    static let embedder: Embedder = {
        do { return try Embedder(modelPath: Folders.nano) } catch { fatalError("\(error)") }
    }()

    /// What the library says, to compare with.
    static func vector(_ content: Content, dimensions: Int? = nil) throws -> [Float] {
        var options = EmbedOptions()
        options.dimensions = dimensions
        return try embedder.embed(content, options: options).values
    }

    static func with<Value: Sendable>(
        _ transport: Transport = .inProcess, embedder: Embedder = embedder,
        _ configure: (inout ServerOptions) -> Void = { _ in },
        _ body: @escaping @Sendable (Client) async throws -> Value
    ) async throws -> Value {
        var options = ServerOptions()
        // Servers of several tests listen at the same time.
        options.port = 0
        // No limit passes because the machine is busy.
        options.limits.requestSeconds = 1_000_000
        options.limits.idleSeconds = 1_000_000
        configure(&options)
        var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        let server = Server(embedder: embedder, options: options, logger: logger)
        switch transport {
        case .inProcess:
            return try await server.withExchangeInProcess(logger) {
                try await body(Client(exchange: $0, server: server))
            }
        case .socket:
            return try await server.withExchangeOverSocket(logger) {
                try await body(Client(exchange: $0, server: server))
            }
        }
    }
}

struct Client: Sendable {
    let exchange: Exchange
    let server: Server

    @discardableResult
    func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, headers: HTTPFields = [:]
    ) async throws -> Reply {
        try await send(method, path, bytes: body.map { Array($0.utf8) }, headers: headers)
    }

    @discardableResult
    func send(
        _ method: HTTPRequest.Method, _ path: String, bytes: [UInt8]?, headers: HTTPFields = [:]
    ) async throws -> Reply {
        var headers = headers
        if let bytes { headers[.contentLength] = String(bytes.count) }
        return try await exchange(
            HTTPRequest(method: method, scheme: "http", authority: "localhost", path: path, headerFields: headers),
            bytes)
    }

    func post(_ path: String, _ body: String, headers: HTTPFields = [:]) async throws -> Reply {
        try await send(.post, path, body, headers: headers)
    }

    func get(_ path: String, headers: HTTPFields = [:]) async throws -> Reply {
        try await send(.get, path, headers: headers)
    }

    /// `:embedContent` of version 2.
    func embed(_ body: String, model: String = "gemini-embedding-2") async throws -> Reply {
        try await post("/v1beta/models/\(model):embedContent", body)
    }

    func batch(_ body: String, model: String = "gemini-embedding-2") async throws -> Reply {
        try await post("/v1beta/models/\(model):batchEmbedContents", body)
    }
}

struct Reply: Sendable {
    let status: Int
    let headers: HTTPFields
    let body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }

    /// The body as JSON; a body that is none fails the test.
    var json: JSON {
        get throws { JSON(try JSONSerialization.jsonObject(with: Data(body), options: .fragmentsAllowed)) }
    }

    var values: [Float] {
        get throws { try json["embedding"]["values"].floats }
    }

    var message: String {
        get throws { try json["error"]["message"].string }
    }

    /// Whether this is the service's error object with this status.
    func expectError(
        _ code: Int, _ name: String, _ message: String? = nil, location: SourceLocation = #_sourceLocation
    ) throws {
        #expect(status == code, "\(text)", sourceLocation: location)
        let error = try json["error"]
        #expect(try error["code"].int == code, sourceLocation: location)
        #expect(try error["status"].string == name, sourceLocation: location)
        if let message { #expect(try error["message"].string == message, sourceLocation: location) }
    }
}

/// JSON to look into: a missing step is an error that says where.
struct JSON: @unchecked Sendable {
    let value: Any
    let path: String

    struct Missing: Error, CustomStringConvertible {
        let description: String
    }

    init(_ value: Any, path: String = "") {
        self.value = value
        self.path = path
    }

    subscript(_ name: String) -> JSON {
        get throws {
            guard let next = (value as? [String: Any])?[name] else { throw Missing(description: "no \(path).\(name)") }
            return JSON(next, path: "\(path).\(name)")
        }
    }

    subscript(_ index: Int) -> JSON {
        get throws {
            let all = try array
            guard all.indices.contains(index) else { throw Missing(description: "no \(path)[\(index)]") }
            return all[index]
        }
    }

    func has(_ name: String) -> Bool { (value as? [String: Any])?[name] != nil }

    var keys: Set<String> { Set((value as? [String: Any] ?? [:]).keys) }

    var string: String {
        get throws { try cast() }
    }

    var int: Int {
        get throws { try cast() }
    }

    var array: [JSON] {
        get throws { try cast([Any].self).enumerated().map { JSON($1, path: "\(path)[\($0)]") } }
    }

    var bool: Bool {
        get throws { try cast() }
    }

    var floatValue: Float {
        get throws { (value as? NSNumber)?.floatValue ?? .nan }
    }

    var floats: [Float] {
        get throws { try cast([Any].self).map { Float(($0 as? NSNumber)?.doubleValue ?? .nan) } }
    }

    private func cast<Value>(_ type: Value.Type = Value.self) throws -> Value {
        guard let value = value as? Value else { throw Missing(description: "\(path) is no \(type)") }
        return value
    }
}
