package import CastorJSON
import HTTPTypes
package import Hummingbird
package import NIOCore

/// What the handler of a route gets.
package struct APIRequest: Sendable {
    package let request: Request
    package let context: APIContext
    package let route: RouteTable.Route
    package let server: ServerCore
    /// Bytes of the body in memory, counted until the answer is made.
    let lease: BodyLease
    /// Begins when the body is there.
    let deadline: Deadline

    /// What a template's `{name}` stands for, percent-decoded.
    package func parameter(_ name: String) throws -> String {
        guard let value = context.parameters.get(name), let decoded = PercentEncoding.decode(value) else {
            throw APIError.invalid("The path's \(name) cannot be read.")
        }
        return decoded
    }

    /// A field of the query, percent-decoded.
    package func query(_ name: String) -> String? {
        request.uri.queryParameters[Substring(name)].map(String.init)
    }

    package var headers: HTTPFields { request.headers }

    /// How the body is compressed.
    private enum Coding { case identity, gzip }

    private var coding: Coding {
        get throws(APIError) {
            switch headers[.contentEncoding]?.lowercased() {
            case nil, "", "identity": return .identity
            case "gzip", "x-gzip", "deflate": return .gzip
            case let other?:
                throw .invalid("content-encoding \(other.shortened) is not supported; gzip, deflate and identity are.")
            }
        }
    }

    /// The whole body, inflated where it is compressed, up to ``ServerLimits/maxBodyBytes``.
    package func body() async throws -> ByteBuffer {
        let coding = try coding
        let body = try await wireBody()
        guard coding == .gzip else { return body }
        let limit = server.options.limits.maxBodyBytes
        return try await server.offPool(large: body.readableBytes > 1 << 12) { [lease] in
            try Gzip.inflate(body, limit: limit) { (bytes) throws(APIError) in try lease.reserve(bytes) }
        }
    }

    /// An upload's offsets count the file's bytes, so its body is not inflated.
    func refuseCompression() throws(APIError) {
        guard try coding == .identity else {
            throw .invalid("A file's bytes are uploaded without content-encoding.")
        }
    }

    /// Bytes by which a body in memory grows, at the least.
    private static let growthBytes = 1 << 16

    private func wireBody() async throws -> ByteBuffer {
        let limit = server.options.limits.maxBodyBytes
        let announced = headers[.contentLength].flatMap { Int($0) }
        if let announced {
            guard announced <= limit else { throw APIError.bodyTooLarge(limit: limit) }
            // What has no room now need not be sent. A length is a word, though: it holds nothing.
            try lease.checkRoom(announced)
        }
        var reserved = 0
        var body = ByteBuffer()
        try await forEachPiece(isHeld: true) { piece in
            var piece = piece
            let count = body.readableBytes + piece.readableBytes
            guard count <= limit else { throw APIError.bodyTooLarge(limit: limit) }
            if count > reserved {
                let more = max(count - reserved, min(Self.growthBytes, (announced ?? limit) - reserved))
                try lease.reserve(more, forBody: true)
                reserved += more
            }
            // The body of most requests comes in one piece.
            if body.readableBytes == 0 {
                body = piece
            } else {
                // Doubled, but no larger than it will be: what is not written to takes no memory.
                if body.capacity < count {
                    body.reserveCapacity(max(count, min(2 * count, announced ?? limit)))
                }
                body.writeBuffer(&piece)
            }
        }
        return body
    }

    /// The body as it arrives. A body that breaks off, or that is not the HTTP it claims to be, is the client's error; without this
    /// check, one whose connection closed would pass for a whole one. While it arrives the request's time does not run.
    ///
    /// - Parameter isHeld: whether the pieces stay in memory
    func forEachPiece(isHeld: Bool = false, _ take: (ByteBuffer) async throws -> Void) async throws {
        deadline.pause()
        defer { deadline.resume() }
        let brokenOff = APIError.invalid("The request's body broke off.")
        let announced = headers[.contentLength].flatMap { Int($0) }
        var pace = ArrivalPace(seconds: server.options.limits.idleSeconds, isHeld: isHeld)
        var received = 0
        var pieces = request.body.makeAsyncIterator()
        while true {
            let start = Nanoseconds.now
            let piece: ByteBuffer?
            do {
                piece = try await pieces.next()
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                throw brokenOff
            }
            guard let piece else { break }
            received += piece.readableBytes
            guard pace.take(piece.readableBytes, after: Nanoseconds.now - start) || received == announced else {
                throw APIError.invalid("The request's body came too slowly.")
            }
            try await take(piece)
        }
        try Task.checkCancellation()
        if let announced, received < announced { throw brokenOff }
    }

    /// The body as JSON of the service's form. Large ones are read on a thread of their own.
    package func json<Body: WireBody & Sendable>(_ type: Body.Type) async throws -> Body {
        try await json { (json) throws(JSONError) in try Body(&json) }
    }

    /// The same, of a body whose reader takes more than the reader of JSON.
    package func json<Body: Sendable>(
        _ read: @escaping @Sendable (inout JSONReader) throws(JSONError) -> Body
    ) async throws -> Body {
        let body = try await body()
        return try await server.offPool(large: body.readableBytes > 1 << 16) { [options = server.options] in
            try WireDecoder.decode(from: body, options, read)
        }
    }
}
