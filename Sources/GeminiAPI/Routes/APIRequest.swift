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

    private func wireBody() async throws -> ByteBuffer {
        let limit = server.options.limits.maxBodyBytes
        var expected = 0
        if let length = headers[.contentLength].flatMap({ Int($0) }) {
            guard length <= limit else { throw APIError.bodyTooLarge(limit: limit) }
            expected = max(0, length)
        }
        try lease.reserve(expected)
        var body = ByteBuffer()
        try await forEachPiece { piece in
            var piece = piece
            guard body.readableBytes + piece.readableBytes <= limit else { throw APIError.bodyTooLarge(limit: limit) }
            if body.readableBytes + piece.readableBytes > expected {
                let more = max(piece.readableBytes, 1 << 16)
                try lease.reserve(more)
                expected += more
            }
            // The body of most requests comes in one piece.
            if body.readableBytes == 0 { body = piece } else { body.writeBuffer(&piece) }
        }
        return body
    }

    /// The body as it arrives. A body that breaks off, or that is not the HTTP it claims to be, is the client's error; without this
    /// check, one whose connection closed would pass for a whole one.
    func forEachPiece(_ take: (ByteBuffer) async throws -> Void) async throws {
        let brokenOff = APIError.invalid("The request's body broke off.")
        var received = 0
        var pieces = request.body.makeAsyncIterator()
        while true {
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
            try await take(piece)
        }
        try Task.checkCancellation()
        if let announced = headers[.contentLength].flatMap({ Int($0) }), received < announced { throw brokenOff }
    }

    /// The body as JSON of the service's form. Large ones are read on a thread of their own.
    package func json<Body: WireBody & Sendable>(_ type: Body.Type) async throws -> Body {
        let body = try await body()
        let isLenient = server.options.isLenient
        return try await server.offPool(large: body.readableBytes > 1 << 16) {
            try WireDecoder.decode(type, from: body, isLenient: isLenient)
        }
    }
}
