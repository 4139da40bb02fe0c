import Castor
import HTTPTypes
import Hummingbird
import Media
import NIOCore
import Search
import Store

/// What an item's file has, as browsers load it. A file is reached by the number of an item alone, and only as long as it is what was indexed.
enum ItemRoutes {
    static func add(to table: inout RouteTable) {
        for (method, handler) in [("download", download), ("thumbnail", thumbnail), ("text", text)]
            as [(String, RouteTable.Handler)]
        {
            // Whom the handler lets in: holders of a key, or of a ticket for the item.
            table.on(
                .get, "/items/{item}:\(method)", before: "/search/v1", versions: [.none], face: .search, access: .open,
                handler: handler)
        }
    }

    // MARK: - The file

    /// The whole file, or the part that is asked for.
    private static func download(_ call: APIRequest) async throws -> Response {
        let hit = try await hit(call)
        let file = try await call.withIndex { _ in try IndexedFile(hit) }
        var headers = headers(hit, type: mimeType(hit))
        headers[.acceptRanges] = "bytes"
        headers[.contentDisposition] = disposition(hit)
        let tag = headers[.eTag]
        if let known = call.headers[.ifNoneMatch], known == tag {
            return Response(status: .notModified, headers: headers)
        }
        // A part of a file that has changed since goes with no part of the old one.
        let isSame = call.headers[.ifRange].map { $0 == tag } ?? true
        switch ByteRange(isSame ? call.headers[.range] : nil, size: file.size) {
        case .whole: return Response(status: .ok, headers: headers, body: body(file, 0..<file.size))
        case .part(let range):
            headers[.contentRange] = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(file.size)"
            return Response(status: .partialContent, headers: headers, body: body(file, range))
        case .unsatisfiable:
            var response = Response(APIError.invalid("The file has \(file.size) bytes."))
            response.status = .rangeNotSatisfiable
            response.headers[.contentRange] = "bytes */\(file.size)"
            return response
        }
    }

    private static func body(_ file: IndexedFile, _ range: Range<Int>) -> ResponseBody {
        ResponseBody(contentLength: range.count) { writer in
            var offset = range.lowerBound
            while offset < range.upperBound {
                let (start, count) = (offset, min(range.upperBound - offset, pieceBytes))
                let piece = try await Blocking.run { try file.blob.read(at: start, count: count) }
                guard !piece.isEmpty else { throw StoreError.storage(reason: "a file is shorter than it was") }
                offset += piece.count
                try await writer.write(ByteBuffer(bytes: piece))
            }
            try await writer.finish(nil)
        }
    }

    private static let pieceBytes = 1 << 18

    /// As a browser may show it. Whatever could run as a part of this server's pages (HTML, SVG, scripts) is a plain text.
    static func mimeType(_ hit: SearchHit) -> String {
        if let type = MediaType(mimeType: hit.kind), !hit.kind.hasPrefix("text/") { return type.mimeType }
        return hit.kind.hasPrefix("text/") ? "text/plain; charset=utf-8" : "application/octet-stream"
    }

    private static func headers(_ hit: SearchHit, type: String) -> HTTPFields {
        var headers = HTTPFields()
        headers[.contentType] = type
        headers[.eTag] = "\"\(hit.item)-\(hit.size)-\(hit.modified)\""
        // Numbers of items begin anew with a new index.
        headers[.cacheControl] = "private, no-cache"
        headers[.xContentTypeOptions] = "nosniff"
        // Nothing of it runs, loads or is shown inside another site's page.
        headers[.contentSecurityPolicy] =
            "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'"
            + (type == "application/pdf" ? "" : "; sandbox")
        headers[.crossOriginResourcePolicy] = "same-origin"
        return headers
    }

    /// Its name, for whoever saves it (RFC 6266): a plain one, and the whole one in percent escapes.
    static func disposition(_ hit: SearchHit) -> String {
        let name = String(decoding: hit.path.name, as: UTF8.self)
        let plain = String(
            name.unicodeScalars.map {
                (" "..."~").contains($0) && $0 != "\"" && $0 != "\\" && $0 != "%" ? Character($0) : "_"
            })
        let escaped = name.utf8.map { byte in
            isPlain(byte)
                ? String(UnicodeScalar(byte)) : "%" + String(0x100 + Int(byte), radix: 16, uppercase: true).dropFirst()
        }.joined()
        return "inline; filename=\"\(plain)\"; filename*=UTF-8''\(escaped)"
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || "-._~".utf8.contains(byte)
    }

    // MARK: - What is shown of it

    /// Pixels of the longer side: what is asked for is rounded up to one of these, so that few are drawn of each item.
    private static let sides = [160, 320, 640, 1_280]

    private static func thumbnail(_ call: APIRequest) async throws -> Response {
        let hit = try await hit(call)
        var side = sides[1]
        if let wanted = call.query("size") {
            guard let size = Int(wanted), (1...sides[sides.count - 1]).contains(size) else {
                throw APIError.invalid(
                    "size is between 1 and \(sides[sides.count - 1]) pixels, not \(wanted.shortened).")
            }
            side = sides.first { $0 >= size } ?? side
        }
        var headers = headers(hit, type: "image/jpeg")
        headers[.eTag] = "\"\(hit.item)-\(side)-\(hit.modified)\""
        if let known = call.headers[.ifNoneMatch], known == headers[.eTag] {
            return Response(status: .notModified, headers: headers)
        }
        let index = try call.index
        let cancellation = Cancellation()
        var limits = call.server.scheduler.embedder.options.limits.media
        limits.cancellation = cancellation
        let picture = try await withTaskCancellationHandler { [limits, side] in
            do {
                return try await index.picture(of: hit, side: side) {
                    try ItemPicture.jpeg(hit, side: side, limits: limits)
                }
            } catch let error as SearchError { throw APIError(error, call.server) }
        } onCancel: {
            cancellation.cancel()
        }
        guard let picture else { throw APIError(.notFound, "There is no picture of item \(hit.item).") }
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: picture)))
    }

    private static func text(_ call: APIRequest) async throws -> Response {
        let hit = try await hit(call)
        let found = try await call.withIndex { _ in try ItemText(hit) }
        guard let found else { throw APIError(.notFound, "Item \(hit.item) is no text, or its text cannot be read.") }
        var json = JSONWriter()
        json.raw("{\"firstLine\":\(found.firstLine)")
        for (name, text) in [("before", found.before), ("text", found.text), ("after", found.after)] {
            json.raw(",\"\(name)\":")
            json.string(text)
        }
        json.raw("}\n")
        return Response(json: json)
    }

    // MARK: - Whose it is

    /// The item, for those who hold a key or a ticket for it.
    private static func hit(_ call: APIRequest) async throws -> SearchHit {
        let id = try call.itemID()
        if let ticket = call.query("ticket") {
            guard call.server.keys.isEmpty || call.server.tickets.isValid(ticket, for: id) else {
                throw APIError(.permissionDenied, "The ticket is not one that this server gave for item \(id).")
            }
        } else {
            try call.server.keys.check(call.request)
        }
        return try await call.withIndex { try $0.reader().item(id) }
    }
}
