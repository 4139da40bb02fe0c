import Castor
import CastorJSON
import Hummingbird

/// Vertex's face: the same model under project paths, and under the shorter ones of express mode.
enum VertexRoutes {
    static func add(to table: inout RouteTable) {
        for parent in ["/projects/{project}/locations/{location}", ""] {
            let models = "\(parent)/publishers/google/models"
            let model = "\(models)/{model}"
            table.on(.get, models, versions: APIVersion.vertex, face: .vertex, handler: PublisherModels.list)
            table.on(.get, model, versions: APIVersion.vertex, face: .vertex, handler: PublisherModels.get)
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

    /// All texts of a `:predict` together have a limit, whatever is cut of each.
    private static func checkTokens(of texts: [String], _ server: ServerCore) async throws {
        let limit = server.options.limits.maxPredictTokens
        // A text has no more tokens than bytes, but for those that mark its ends.
        guard texts.reduce(0, { $0 + $1.utf8.count + 4 }) > limit else { return }
        let embedder = server.scheduler.embedder
        let count = try await server.counting.admit {
            try await server.counting.next { cancellation in
                var count = 0
                for text in texts where count <= limit {
                    count += try embedder.countTokens(Content(text), cancellation: cancellation).promptTokenCount
                }
                return count
            }
        }
        guard count <= limit else {
            throw APIError.invalid(
                "Unable to submit request because the input token count is more than the \(limit) that the model supports. "
                    + "Reduce the input token count and try again.")
        }
    }

    private static func predict(_ call: APIRequest) async throws -> Response {
        let model = try call.model(for: "predict")
        let limit = call.server.options.limits.maxPredictInstances
        let body = try await call.json { (json) throws(JSONError) in try PredictBody(&json, maxInstances: limit) }
        guard !body.instances.isEmpty else {
            throw APIError.invalid("The request has 0 instances; it must have 1 to \(limit).")
        }
        try await checkTokens(of: body.instances.map(\.content), call.server)
        var embed = EmbedCall(model: model) { "instances[\($0)]" }
        let files = FileParts(call.server, call.lease)
        for instance in body.instances {
            var request = EmbedRequest(Content(instance.content))
            request.dimensions = body.dimensions
            request.task = instance.task
            request.title = instance.title
            request.autoTruncate = body.autoTruncate
            try await embed.add(request, call.server, files: files)
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
