import Castor
import Hummingbird

/// `GET /models` and `GET /models/{model}`.
enum ModelRoutes {
    static func add(to table: inout RouteTable) {
        table.on(.get, "/models", handler: list)
        table.on(.get, "/models/{model}", handler: get)
        // There are none. Google's SDK warns where the list itself is missing.
        table.on(.get, "/tunedModels") { _ in Response(jsonBytes: Array("{\"tunedModels\":[]}\n".utf8)) }
    }

    private static let defaultPageSize = 50
    private static let maxPageSize = 1_000

    private static func list(_ call: APIRequest) async throws -> Response {
        try list(call, field: "models", write)
    }

    /// One page of the models under a name of the list's own.
    static func list(
        _ call: APIRequest, field: String, _ write: (ServedModels.Entry, inout JSONWriter) -> Void
    ) throws -> Response {
        let models = call.server.models.entries
        let size = try call.pageSize(default: defaultPageSize, limit: maxPageSize)
        let start = try call.pageStart(count: models.count)
        let end = min(start + size, models.count)
        var json = JSONWriter()
        json.raw("{\"\(field)\":[")
        for index in start..<end {
            if index > start { json.raw(",") }
            write(models[index], &json)
        }
        json.raw("]")
        if end < models.count { json.raw(",\"nextPageToken\":\"\(end)\"") }
        json.raw("}\n")
        return Response(json: json)
    }

    private static func get(_ call: APIRequest) async throws -> Response {
        let version = call.route.version.name
        return try get(call, notFound: { "Model is not found: models/\($0) for api version \(version)" }, write)
    }

    /// One model.
    ///
    /// - Parameters:
    ///   - notFound: the face's own words about a name
    ///   - prefix: what names begin with there
    static func get(
        _ call: APIRequest, notFound: (String) -> String, prefix: String = "models/",
        _ write: (ServedModels.Entry, inout JSONWriter) -> Void
    ) throws -> Response {
        let name = try call.parameter("model")
        let models = call.server.models
        guard let model = models[name] else {
            throw APIError(
                .notFound, "\(notFound(ServedModels.id(name).shortened)).\(models.hint(for: name, prefix: prefix))")
        }
        var json = JSONWriter()
        write(model, &json)
        json.raw("\n")
        return Response(json: json)
    }

    private static func write(_ model: ServedModels.Entry, _ json: inout JSONWriter) {
        json.raw("{\"name\":")
        json.string("models/\(model.id)")
        json.raw(",\"version\":\"\(model.version)\",\"displayName\":")
        json.string(model.displayName)
        json.raw(",\"description\":")
        json.string(model.description)
        json.raw(
            ",\"inputTokenLimit\":\(model.inputTokenLimit),\"outputTokenLimit\":1,\"supportedGenerationMethods\":"
                + "[\"embedContent\",\"countTextTokens\",\"countTokens\",\"asyncBatchEmbedContent\"]}")
    }
}

extension APIRequest {
    /// `pageSize` of a list; 0 and none are the default, as in the service.
    package func pageSize(default standard: Int, limit: Int) throws -> Int {
        guard let text = query("pageSize") ?? query("page_size") else { return standard }
        guard let size = Int32(text), size >= 0 else {
            throw APIError.invalid("Invalid value at 'page_size' (TYPE_INT32), \"\(text.shortened)\"")
        }
        return size == 0 ? standard : min(Int(size), limit)
    }

    /// Where a page begins whose token is a number of items.
    fileprivate func pageStart(count: Int) throws -> Int {
        guard let token = query("pageToken") ?? query("page_token"), !token.isEmpty else { return 0 }
        guard let start = Int(token), (0...count).contains(start) else {
            throw APIError.invalid("Page token is not valid.")
        }
        return start
    }
}
