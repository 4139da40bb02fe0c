import Castor
import CastorJSON
import HTTPTypes
import Hummingbird
import Logging

/// `:embedContent` and `:batchEmbedContents`, of the Gemini API and of Vertex.
enum EmbedRoutes {
    static func add(to table: inout RouteTable) {
        table.on(.post, "/models/{model}:embedContent", handler: embedContent)
        table.on(.post, "/models/{model}:batchEmbedContents", handler: batchEmbedContents)
    }

    static func embedContent(_ call: APIRequest) async throws -> Response {
        let model = try call.model(for: "embedContent")
        let body = try await call.json(EmbedRequest.self)
        try call.checkModel(body.model, is: model, at: "EmbedContentRequest.model")
        call.noteFusedTexts([body])
        var embed = EmbedCall(model: model) { _ in nil }
        try await embed.add(body, call.server, files: FileParts(call.server, call.lease))
        let answer = try await embed.run(call.server)
        var json = JSONWriter()
        json.raw("{\"embedding\":{\"values\":")
        json.values(answer.values(0))
        json.raw("},\"usageMetadata\":")
        json.usage(answer.usage, call.route.face)
        if call.route.face == .vertex { json.raw(",\"truncated\":\(answer.embeddings[0].truncated)") }
        json.raw("}\n")
        return Response(json: json, headers: answer.headers)
    }

    static func batchEmbedContents(_ call: APIRequest) async throws -> Response {
        let model = try call.model(for: "embedContent")
        let limit = call.server.options.limits.maxBatchContents
        let body = try await call.json { (json) throws(JSONError) in
            try BatchEmbedRequestBody(&json, maxRequests: limit)
        }
        call.noteFusedTexts(body.requests)
        let embed = try await batch(body, model: model, call)
        let answer = try await embed.run(call.server)
        let json = try await call.server.offPool(large: answer.count > 4) {
            var json = JSONWriter(reserving: answer.jsonBytes)
            json.embeddings(answer)
            json.raw(",\"usageMetadata\":")
            json.usage(answer.usage, call.route.face)
            json.raw("}\n")
            return json
        }
        return Response(json: json, headers: answer.headers)
    }

    /// The contents of a batch, checked.
    private static func batch(
        _ body: BatchEmbedRequestBody, model: ServedModels.Entry, _ call: APIRequest
    ) async throws -> EmbedCall {
        guard !body.requests.isEmpty else {
            throw APIError.invalid("* BatchEmbedContentsRequest.requests: must not be empty\n")
        }
        var embed = EmbedCall(model: model) { "BatchEmbedContentsRequest.requests[\($0)]" }
        let files = FileParts(call.server, call.lease)
        for (index, request) in body.requests.enumerated() {
            try call.checkModel(request.model, is: model, at: "BatchEmbedContentsRequest.requests[\(index)].model")
            try await embed.add(request, call.server, files: files)
        }
        return embed
    }
}

extension JSONWriter {
    /// Vertex spells `promptTokensDetails` where the Gemini API has `promptTokenDetails`, and adds a total.
    fileprivate mutating func usage(_ usage: Usage, _ face: RouteTable.Face) {
        guard face == .vertex else { return self.usage(usage) }
        let count = usage.promptTokenCount
        raw("{\"promptTokenCount\":\(count),\"promptTokensDetails\":")
        details(usage)
        raw(",\"totalTokenCount\":\(count)}")
    }

    /// `{"embeddings":[{"values":[..]},..]`, the object left open.
    fileprivate mutating func embeddings(_ answer: EmbedCall.Answer) {
        raw("{\"embeddings\":[")
        for index in 0..<answer.count {
            raw(index > 0 ? ",{\"values\":" : "{\"values\":")
            values(answer.values(index))
            raw("}")
        }
        raw("]")
    }
}

extension APIRequest {
    /// Google's SDK joins a list of strings for version 2 to one content, so its user gets one vector for all of them and no word; the log has one.
    /// Nobody else sends a lone content of texts alone by accident.
    fileprivate func noteFusedTexts(_ requests: [EmbedRequest]) {
        guard let parts = requests.first?.content?.parts, requests.count == 1, parts.count > 1,
            [headers[.userAgent], headers[.googleClient]].contains(where: { $0?.contains("google-genai") ?? false }),
            parts.allSatisfy({ if case .text = $0 { true } else { false } })
        else { return }
        server.logger.notice(
            "one vector for several texts",
            metadata: [
                "id": "\(context.id)", "texts": "\(parts.count)",
                "hint":
                    "google-genai joins a list of strings; gemini-embedding-001 or /openai/embeddings give one each",
            ])
    }

    /// The model that the path names.
    package func model(for method: String) throws -> ServedModels.Entry {
        let name = try parameter("model")
        guard let model = server.models[name] else {
            throw APIError.modelNotFound(
                ServedModels.id(name).shortened, version: route.version.name, method: method,
                hint: server.models.hint(for: name))
        }
        return model
    }

    /// A model named in the body must be the path's.
    package func checkModel(_ name: String?, is model: ServedModels.Entry, at place: String) throws {
        guard let name, !name.isEmpty, ServedModels.id(name) != model.id else { return }
        throw APIError.invalid("* \(place): must be models/\(model.id), as in the path, not \(name.shortened)\n")
    }
}
