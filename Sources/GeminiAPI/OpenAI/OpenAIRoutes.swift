import Castor
import CastorJSON
import Hummingbird

/// OpenAI's protocol, as the service speaks it: one vector a string. A string that is a data URL is its picture, sound, video or document.
enum OpenAIRoutes {
    static func add(to table: inout RouteTable) {
        table.on(.post, "/openai/embeddings", face: .openAI, handler: embeddings)
        table.on(.post, "/embeddings", versions: [.v1], face: .openAI, handler: embeddings)
        table.on(.get, "/openai/models", face: .openAI, handler: models)
        table.on(.get, "/openai/models/{model}", face: .openAI, handler: model)
        // Some clients ask for `models/models/gemini-embedding-2`: names in the list begin with `models/`.
        table.on(.get, "/openai/models/models/{model}", face: .openAI, handler: model)
    }

    private static func embeddings(_ call: APIRequest) async throws -> Response {
        let limit = call.server.options.limits.maxBatchContents
        let body = try await call.json { (json) throws(JSONError) in
            try OpenAIEmbeddingsBody(&json, maxInputs: limit)
        }
        guard let model = call.server.models[body.model] else {
            throw APIError.modelNotFound(
                ServedModels.id(body.model).shortened, version: call.route.version.name, method: "embedContent",
                hint: call.server.models.hint(for: body.model))
        }
        var embed = EmbedCall(model: model) { [count = body.inputs.count] in
            count > 1 ? "BatchEmbedContentsRequest.requests[\($0)]" : nil
        }
        let files = FileParts(call.server, call.lease)
        for part in body.inputs {
            var request = EmbedRequest(Content([part]))
            request.dimensions = body.dimensions
            request.task = body.task
            try await embed.add(request, call.server, files: files)
        }
        let answer = try await embed.run(call.server)
        let (name, encoding) = (body.model, body.encoding)
        let json = try await call.server.offPool(large: answer.count > 4) {
            var json = JSONWriter(reserving: answer.jsonBytes)
            json.raw("{\"object\":\"list\",\"data\":[")
            for index in 0..<answer.count {
                json.raw(index > 0 ? "," : "")
                json.raw("{\"object\":\"embedding\",\"index\":\(index),\"embedding\":")
                switch encoding {
                case .float: json.values(answer.values(index))
                case .base64: json.string(Base64.encode(littleEndian: answer.values(index)))
                }
                json.raw("}")
            }
            json.raw("],\"model\":")
            json.string(name)
            let tokens = answer.usage.promptTokenCount
            json.raw(",\"usage\":{\"prompt_tokens\":\(tokens),\"total_tokens\":\(tokens)}}\n")
            return json
        }
        return Response(json: json, headers: answer.headers)
    }

    private static func models(_ call: APIRequest) async throws -> Response {
        var json = JSONWriter()
        json.raw("{\"object\":\"list\",\"data\":[")
        for (index, model) in call.server.models.entries.enumerated() {
            if index > 0 { json.raw(",") }
            write(model, &json)
        }
        json.raw("]}\n")
        return Response(json: json)
    }

    private static func model(_ call: APIRequest) async throws -> Response {
        try ModelRoutes.get(call, notFound: { "Model is not found: models/\($0)" }, write)
    }

    private static func write(_ model: ServedModels.Entry, _ json: inout JSONWriter) {
        json.raw("{\"id\":")
        json.string("models/\(model.id)")
        json.raw(",\"object\":\"model\",\"owned_by\":\"google\"}")
    }
}
