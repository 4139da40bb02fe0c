import HTTPTypes
import Hummingbird
import NIOCore

/// Whose answers are compressed, of those who say that they read gzip.
package enum CompressedReplies: String, Sendable, CaseIterable {
    case never, remote, always
}

/// Answers in gzip.
///
/// Level 1 makes a vector of 3,072 values 0.44 times as long for 0.4 ms of the processor (level 6: 0.40 for 1.9 ms), and the client spends another 0.7 ms. Within one
/// machine nobody gains by that, and most libraries ask for gzip unasked; so by default it is for other machines alone.
struct ReplyCompression: Sendable {
    let replies: CompressedReplies

    private static let level: Int32 = 1
    /// Below nothing is gained; above, an answer is not held in memory twice.
    private static let sizes = 1_400...16 << 20

    func apply(
        to response: Response, for request: Request, on channel: any Channel, _ server: ServerCore
    ) async throws -> Response {
        guard isWanted(by: request, from: channel.remoteAddress), request.method != .head,
            let length = response.body.contentLength, Self.sizes.contains(length),
            response.headers[.contentEncoding] == nil, Self.isText(response.headers[.contentType])
        else { return response }
        let collector = Collector()
        try await response.body.write(collector)
        let plain = collector.bytes
        let compressed = try await server.offPool(large: length > 1 << 16) { Gzip.deflate(plain, level: Self.level) }
        guard let compressed else { return response }
        var headers = response.headers
        headers[.contentLength] = String(compressed.readableBytes)
        headers[.contentEncoding] = "gzip"
        headers[values: .vary].append("Accept-Encoding")
        return Response(status: response.status, headers: headers, body: ResponseBody(byteBuffer: compressed))
    }

    private func isWanted(by request: Request, from address: SocketAddress?) -> Bool {
        switch replies {
        case .never: return false
        case .always: break
        case .remote: guard let address, !address.isLoopback else { return false }
        }
        return request.headers[.acceptEncoding].map(Self.takesGzip) ?? false
    }

    /// `gzip, deflate;q=0.5`: whether gzip is named, or everything is, and not with a weight of 0.
    static func takesGzip(_ field: String) -> Bool {
        var everything = false
        for entry in field.split(separator: ",") {
            let words = entry.split(separator: ";").map { $0.filter { !$0.isWhitespace }.lowercased() }
            let weight = words.dropFirst().first { $0.hasPrefix("q=") }.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
            switch words.first {
            case "gzip", "x-gzip": return weight > 0
            case "*": everything = weight > 0
            default: break
            }
        }
        return everything
    }

    private static func isText(_ type: String?) -> Bool {
        guard let type = type?.lowercased() else { return false }
        return type.hasPrefix("application/json") || type.hasPrefix("text/")
    }
}

/// Keeps what is written. One task writes an answer, from its beginning to its end.
private final class Collector: ResponseBodyWriter, @unchecked Sendable {
    private(set) var bytes = ByteBuffer()

    func write(_ buffer: ByteBuffer) {
        var buffer = buffer
        bytes.writeBuffer(&buffer)
    }

    func finish(_ trailingHeaders: HTTPFields?) {}
}

extension SocketAddress {
    fileprivate var isLoopback: Bool {
        switch self {
        case .v4, .v6:
            ipAddress.map { $0.hasPrefix("127.") || $0 == "::1" || $0.hasPrefix("::ffff:127.") } ?? false
        case .unixDomainSocket: true
        }
    }
}
