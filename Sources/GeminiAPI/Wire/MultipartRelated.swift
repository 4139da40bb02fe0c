import Castor
import NIOCore

/// A body of `multipart/related` (RFC 2387): parts with headers of their own between lines of a boundary.
enum MultipartRelated {
    struct Part: Equatable {
        var contentType: String?
        var bytes: [UInt8]
    }

    private static let maxParts = 8
    private static let maxHeaderBytes = 16 << 10

    static func parts(of body: ByteBuffer, contentType: String) throws(APIError) -> [Part] {
        let delimiter = Array("--\(try boundary(contentType))".utf8)
        return try body.withUnsafeReadableBytes { bytes throws(APIError) in
            var parts: [Part] = []
            guard var position = find(delimiter, in: bytes, from: 0) else { throw broken }
            while true {
                position += delimiter.count
                if bytes[position...].starts(with: "--".utf8) { return parts }
                guard parts.count < maxParts, let start = lineEnd(bytes, position) else { throw broken }
                guard let next = find(delimiter, in: bytes, from: start) else { throw broken }
                parts.append(try part(bytes, start, next))
                position = next
            }
        }
    }

    private static let broken = APIError.invalid("The multipart body is not whole.")

    private static func boundary(_ contentType: String) throws(APIError) -> String {
        for parameter in contentType.split(separator: ";").dropFirst() {
            let pair = parameter.split(separator: "=", maxSplits: 1)
            guard pair.count == 2, pair[0].filter({ $0 != " " }).lowercased() == "boundary" else { continue }
            let value = pair[1].filter { $0 != "\"" }
            // RFC 2046, 5.1.1
            guard (1...70).contains(value.utf8.count) else { break }
            return value
        }
        throw .invalid("Content-Type of a multipart upload must name its boundary, of 1 to 70 characters.")
    }

    /// The delimiter at the start of a line.
    private static func find(_ delimiter: [UInt8], in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var index = start
        while index + delimiter.count <= bytes.count {
            guard let dash = bytes[index...].firstIndex(of: UInt8(ascii: "-")) else { return nil }
            if dash == 0 || bytes[dash - 1] == UInt8(ascii: "\n"), bytes[dash...].starts(with: delimiter) {
                return dash
            }
            index = dash + 1
        }
        return nil
    }

    /// After the line feed that ends the line.
    private static func lineEnd(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> Int? {
        bytes[start...].prefix(maxHeaderBytes).firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 }
    }

    private static func part(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ next: Int) throws(APIError) -> Part {
        var part = Part(contentType: nil, bytes: [])
        var isBase64 = false
        var position = start
        while true {
            guard position - start < maxHeaderBytes, let end = lineEnd(bytes, position), end <= next else {
                throw broken
            }
            var line = String(decoding: bytes[position..<end - 1], as: UTF8.self)
            if line.unicodeScalars.last == "\r" { line.unicodeScalars.removeLast() }
            position = end
            if line.isEmpty { break }
            let field = line.split(separator: ":", maxSplits: 1)
            guard field.count == 2 else { throw broken }
            let value = String(field[1].drop { $0 == " " })
            switch field[0].lowercased() {
            case "content-type": part.contentType = value
            case "content-transfer-encoding": isBase64 = value.lowercased() == "base64"
            default: break
            }
        }
        // The line end before the delimiter is the delimiter's.
        var end = next - 1
        if end > position, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        part.bytes = Array(bytes[position..<max(position, end)])
        if isBase64 {
            guard let decoded = part.bytes.withUnsafeBufferPointer(Base64.decode) else {
                throw .invalid("A part of the multipart body is not base64, as its headers say.")
            }
            part.bytes = decoded
        }
        return part
    }
}
