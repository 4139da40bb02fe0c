import Castor
import Hummingbird

/// Vertex's face: the same model under project paths, and under the shorter ones of express mode.
enum VertexRoutes {
    static func add(to table: inout RouteTable) {
        for parent in ["/projects/{project}/locations/{location}", ""] {
            let model = "\(parent)/publishers/google/models/{model}"
            table.on(
                .post, "\(model):embedContent", versions: APIVersion.vertex, face: .vertex,
                handler: EmbedRoutes.embedContent)
            table.on(
                .post, "\(model):batchEmbedContents", versions: APIVersion.vertex, face: .vertex,
                handler: EmbedRoutes.batchEmbedContents)
            table.on(.post, "\(model):predict", versions: APIVersion.vertex, face: .vertex, handler: predict)
            table.on(
                .post, "\(model):countTokens", versions: APIVersion.vertex, face: .vertex,
                handler: CountTokensRoutes.countTokens)
        }
    }

    private static func predict(_ call: APIRequest) async throws -> Response {
        let model = try call.model(for: "predict")
        let body = try await call.json(PredictBody.self)
        let limit = call.server.options.limits.maxBatchContents
        guard (1...limit).contains(body.instances.count) else {
            throw APIError.invalid("The request has \(body.instances.count) instances; it must have 1 to \(limit).")
        }
        var embed = EmbedCall(model: model) { "instances[\($0)]" }
        for instance in body.instances {
            var request = EmbedRequest(Content(instance.content))
            request.dimensions = body.dimensions
            request.task = instance.task
            request.title = instance.title
            request.autoTruncate = body.autoTruncate
            try await embed.add(request, call.server, files: FileParts(call.server))
        }
        let answer = try await embed.run(call.server)
        let characters = body.instances.reduce(0) { $0 + Content($1.content).billableCharacters }
        let json = try await call.server.offPool(large: answer.count > 4) {
            var json = JSONWriter(reserving: answer.jsonBytes)
            json.raw("{\"predictions\":[")
            for (index, embedding) in answer.embeddings.enumerated() {
                json.raw(index > 0 ? "," : "")
                json.raw("{\"embeddings\":{\"values\":")
                json.values(answer.values(index))
                json.raw(
                    ",\"statistics\":{\"token_count\":\(embedding.usage.promptTokenCount),"
                        + "\"truncated\":\(embedding.truncated)}}}")
            }
            json.raw("],\"metadata\":{\"billableCharacterCount\":\(characters)}}\n")
            return json
        }
        return Response(json: json, headers: answer.headers)
    }
}
