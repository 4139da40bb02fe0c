import CZlib
import NIOCore

/// Bytes to gzip and back, whole bodies at a time.
enum Gzip {
    /// Bytes out for each byte in, beyond the first ``freeBytes``: no JSON of texts, vectors or base64 has more.
    static let maxRatio = 200
    /// So much may come out of however little.
    static let freeBytes = 1 << 20
    private static let pieceBytes = 1 << 18

    /// gzip, or zlib's framing, which HTTP calls `deflate`.
    ///
    /// A few kilobytes can stand for gigabytes, so what comes out is bounded twice: by `limit`, as a body that came plain, and by ``maxRatio``.
    ///
    /// - Parameter reserve: is told of every piece before it is made; the memory of all requests is bounded.
    static func inflate(
        _ body: ByteBuffer, limit: Int, reserve: (Int) throws(APIError) -> Void
    ) throws(APIError) -> ByteBuffer {
        guard body.readableBytes > 0 else { return body }
        guard let inflater = castor_inflater_create() else {
            throw APIError(.internal, "Internal error encountered.")
        }
        defer { castor_inflater_free(inflater) }
        var rest = body
        var inflated = ByteBuffer()
        var reserved = 0
        while true {
            // A file of many members has a piece for each, of however few bytes.
            let wanted = inflated.readableBytes + pieceBytes
            if wanted > reserved {
                try reserve(wanted - reserved)
                reserved = wanted
            }
            var step = castor_inflation_failed
            var consumed = 0
            rest.withUnsafeReadableBytes { input in
                _ = inflated.writeWithUnsafeMutableBytes(minimumWritableBytes: pieceBytes) { output in
                    var written = 0
                    step = castor_inflate(
                        inflater, input.bindMemory(to: UInt8.self).baseAddress, input.count, &consumed,
                        output.bindMemory(to: UInt8.self).baseAddress, pieceBytes, &written)
                    return written
                }
            }
            rest.moveReaderIndex(forwardBy: consumed)
            guard inflated.readableBytes <= limit else { throw .bodyTooLarge(limit: limit) }
            guard inflated.readableBytes <= max(freeBytes, body.readableBytes * maxRatio) else {
                throw .invalid("The compressed body becomes more than \(maxRatio) times as large as it is.")
            }
            if step == castor_inflation_ended { return inflated }
            guard step == castor_inflation_goes_on else {
                throw .invalid("The compressed body is damaged or breaks off.")
            }
        }
    }

    /// nil where there is no memory.
    static func deflate(_ bytes: ByteBuffer, level: Int32) -> ByteBuffer? {
        let bound = castor_gzip_bound(bytes.readableBytes)
        var output = ByteBuffer()
        bytes.withUnsafeReadableBytes { input in
            _ = output.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { room in
                castor_gzip(
                    input.bindMemory(to: UInt8.self).baseAddress, input.count, level,
                    room.bindMemory(to: UInt8.self).baseAddress, bound)
            }
        }
        return output.readableBytes > 0 ? output : nil
    }
}
