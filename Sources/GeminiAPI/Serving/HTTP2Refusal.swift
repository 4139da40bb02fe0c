/// The least of HTTP/2 (RFC 9113) with which its clients can read why they are refused: an answer of status 505 to their first request.
struct HTTP2Refusal {
    /// What every connection of HTTP/2 without TLS begins with.
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    private static let text =
        "Castor speaks HTTP/1.1. Use it without prior knowledge of HTTP/2, and Google's older libraries with transport=\"rest\" in the place of gRPC.\n"

    private enum Kind {
        static let data: UInt8 = 0, headers: UInt8 = 1, settings: UInt8 = 4, ping: UInt8 = 6, goAway: UInt8 = 7
    }

    private enum Flag {
        static let acknowledges: UInt8 = 1, endsStream: UInt8 = 1, endsHeaders: UInt8 = 4
    }

    /// Of a frame: its length in three bytes, its kind, its flags, its stream in four.
    private static let headBytes = 9
    /// The largest frame that a client may send who was not told of another limit.
    private static let maxFrameBytes = 16_384

    private var received: [UInt8] = []
    /// Whether all was said.
    private(set) var isOver = false

    /// What the server sends first.
    static let greeting = frame(Kind.settings, 0, stream: 0, [])

    /// What the client sends behind the preface; returns what it gets.
    mutating func receive(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        received += bytes
        var reply: [UInt8] = []
        while !isOver, received.count >= Self.headBytes {
            let length = received[..<3].reduce(0) { $0 << 8 | Int($1) }
            guard length <= Self.maxFrameBytes else {
                isOver = true
                break
            }
            guard received.count >= Self.headBytes + length else { break }
            let payload = Array(received[Self.headBytes..<Self.headBytes + length])
            reply += answer(received[3], received[4], Array(received[5..<9]), payload)
            received.removeFirst(Self.headBytes + length)
        }
        return reply
    }

    private mutating func answer(_ kind: UInt8, _ flags: UInt8, _ stream: [UInt8], _ payload: [UInt8]) -> [UInt8] {
        let number = stream.reduce(0) { $0 << 8 | UInt32($1) } & 0x7fff_ffff
        switch kind {
        case Kind.settings where flags & Flag.acknowledges == 0:
            return Self.frame(Kind.settings, Flag.acknowledges, stream: 0, [])
        case Kind.ping where flags & Flag.acknowledges == 0:
            return Self.frame(Kind.ping, Flag.acknowledges, stream: 0, payload)
        case Kind.headers:
            isOver = true
            let last = (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * UInt32($0))) }
            return Self.frame(Kind.headers, Flag.endsHeaders, stream: number, Self.fields)
                + Self.frame(Kind.data, Flag.endsStream, stream: number, Array(Self.text.utf8))
                + Self.frame(Kind.goAway, 0, stream: 0, last + [0, 0, 0, 0])
        default: return []
        }
    }

    /// `:status` and `content-type` by their numbers in HPACK's table (RFC 7541, appendix A), their values as they are.
    private static let fields: [UInt8] = {
        func literal(_ name: [UInt8], _ value: String) -> [UInt8] {
            name + [UInt8(value.utf8.count)] + Array(value.utf8)
        }
        return literal([0x08], "505") + literal([0x0f, 0x10], "text/plain; charset=utf-8")
    }()

    private static func frame(_ kind: UInt8, _ flags: UInt8, stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
        func bytes(_ value: UInt32, _ count: UInt32) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * (count - 1 - $0))) }
        }
        return bytes(UInt32(payload.count), 3) + [kind, flags] + bytes(stream, 4) + payload
    }
}
