import Castor
import HTTPTypes
import Hummingbird
import Search

/// `/search/v1/...`: what `castor index` knows, searched, looked at and heard. The page at `/` is its first client.
enum SearchRoutes {
    static func add(to table: inout RouteTable) {
        func on(_ method: HTTPRequest.Method, _ path: String, _ handler: @escaping RouteTable.Handler) {
            table.on(method, path, before: "/search/v1", versions: [.none], face: .search, handler: handler)
        }
        on(.post, "/query", query)
        on(.get, "/index", statistics)
        on(.post, "/index:update", update)
        on(.get, "/map", map)
        on(.get, "/items/{item}", item)
        ItemRoutes.add(to: &table)
        SearchPage.add(to: &table)
    }

    static func query(_ call: APIRequest) async throws -> Response {
        let index = try call.index
        let body = try await call.json(SearchBody.self)
        let answer = try await SearchRun(body: body, call: call, index: index)()
        var json = JSONWriter()
        json.raw("{\"results\":[")
        for (position, hit) in answer.hits.enumerated() {
            json.raw(position > 0 ? ",{" : "{")
            json.item(hit, call)
            json.raw(",\"score\":\(hit.score)}")
        }
        json.raw("],\"dimensions\":\(answer.dimensions),\"kept\":\(answer.kept)}\n")
        return Response(json: json, headers: answer.headers)
    }

    private static func item(_ call: APIRequest) async throws -> Response {
        let id = try call.itemID()
        let hit = try await call.withIndex { try $0.reader().item(id) }
        var json = JSONWriter()
        json.raw("{")
        json.item(hit, call)
        json.raw("}\n")
        return Response(json: json)
    }

    private static func statistics(_ call: APIRequest) async throws -> Response {
        let statistics = try await call.withIndex { try $0.reader().statistics() }
        let embedder = call.server.scheduler.embedder
        var json = JSONWriter()
        json.raw("{\"files\":\(statistics.files),\"items\":{")
        let counts = Medium.allCases.compactMap { medium in statistics.items[medium].map { (medium, $0) } }
        json.raw(counts.map { "\"\($0.0.name)\":\($0.1)" }.joined(separator: ","))
        json.raw("},\"roots\":[")
        for (position, root) in statistics.roots.enumerated() {
            if position > 0 { json.raw(",") }
            json.string(String(decoding: root.bytes, as: UTF8.self))
        }
        json.raw("],\"problems\":\(statistics.problems.values.reduce(0, +)),\"bytes\":\(statistics.bytes),\"model\":")
        json.string(statistics.model.name)
        json.raw(",\"dimensions\":\(statistics.model.dimensions),\"queryTypes\":[")
        let taken = Medium.allCases.filter { embedder.media.contains($0.modality) }
        json.raw(taken.map { "\"\($0.name)\"" }.joined(separator: ",") + "],\"indexing\":")
        json.indexing(try call.index)
        json.raw("}\n")
        return Response(json: json)
    }

    /// Begins to look through the paths that the index was given; never others.
    private static func update(_ call: APIRequest) async throws -> Response {
        let index = try call.index
        guard index.allowsIndexing else {
            throw APIError(
                .permissionDenied,
                "This server does not index: start it with castor serve --index DIR --allow-indexing.")
        }
        let server = call.server
        let isStarted = try await call.withIndex { index in
            try index.indexing.start(
                path: index.path, model: index.model, embedder: server.scheduler.embedder, logger: server.logger)
        }
        guard isStarted else { throw APIError(.alreadyExists, "The index is being brought up to date already.") }
        var json = JSONWriter()
        json.indexing(index)
        json.raw("\n")
        return Response(json: json)
    }

    private static func map(_ call: APIRequest) async throws -> Response {
        let json = try await call.withIndex { index in
            let map = try index.map()
            // Columns: names a point would be most of it.
            var json = JSONWriter(reserving: 100 + 40 * map.points.count)
            func column(_ name: String, _ text: (IndexMap.Point) -> String) {
                json.raw("\"\(name)\":[")
                for (position, point) in map.points.enumerated() {
                    if position > 0 { json.raw(",") }
                    json.raw(text(point))
                }
                json.raw("],")
            }
            json.raw("{")
            column("items") { "\($0.item)" }
            column("types") { "\"\($0.medium.name)\"" }
            // A thousandth of the plane is less than a pixel.
            column("x") { "\(Double(Int(($0.x * 10_000).rounded())) / 10_000)" }
            column("y") { "\(Double(Int(($0.y * 10_000).rounded())) / 10_000)" }
            json.raw("\"total\":\(map.total)}\n")
            return json
        }
        return Response(json: json)
    }
}

extension APIRequest {
    /// Refused where the server has none.
    var index: SearchIndex {
        get throws {
            guard let index = server.options.index else {
                throw APIError(.unimplemented, "This server has no index: start it with castor serve --index DIR.")
            }
            return index
        }
    }

    /// Runs off the cooperative threads, with the index's errors in the service's form.
    func withIndex<Value: Sendable>(_ body: @escaping @Sendable (SearchIndex) throws -> Value) async throws -> Value {
        let index = try index
        return try await server.offPool(large: true) { [server] in
            do { return try body(index) } catch let error as SearchError { throw APIError(error, server) }
        }
    }

    /// The number in the path.
    func itemID() throws -> Int64 {
        let text = try parameter("item")
        guard text.utf8.count <= 19, text.utf8.allSatisfy({ (48...57).contains($0) }), let id = Int64(text) else {
            throw APIError.invalid("An item's id is a number, not \(text.shortened).")
        }
        return id
    }
}

extension JSONWriter {
    fileprivate mutating func indexing(_ index: SearchIndex) {
        let state = index.indexing.current
        raw("{\"isAllowed\":\(index.allowsIndexing),\"isRunning\":\(state.isRunning)")
        if state.isRunning { raw(",\"files\":\(state.files),\"total\":\(state.total)") }
        if let report = state.report {
            raw(",\"report\":")
            string(report)
        }
        raw("}")
    }

    /// An item with where its file and picture are, without its braces.
    mutating func item(_ hit: SearchHit, _ call: APIRequest) {
        fields(of: hit)
        fileNow(of: hit)
        let ticket = call.server.keys.isEmpty ? "" : "?ticket=\(call.server.tickets.ticket(for: hit.item))"
        let item = "/search/v1/items/\(hit.item)"
        raw(",\"place\":")
        string(hit.place.description)
        raw(",\"mimeType\":")
        string(ItemRoutes.mimeType(hit))
        raw(",\"fileUri\":\"\(item):download\(ticket)\"")
        if ItemPicture.exists(for: hit) { raw(",\"thumbnailUri\":\"\(item):thumbnail\(ticket)\"") }
        if hit.medium == .text { raw(",\"textUri\":\"\(item):text\(ticket)\"") }
    }
}

extension Medium {
    var modality: Usage.Modality {
        switch self {
        case .text: .text
        case .image: .image
        case .audio: .audio
        case .video: .video
        case .document: .document
        }
    }
}
