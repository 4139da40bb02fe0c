import Castor
import CastorJSON
import Hummingbird
import ServerState

/// Batch jobs: `:asyncBatchEmbedContent` and `/batches`.
enum BatchRoutes {
    static func add(to table: inout RouteTable) {
        table.on(.post, "/models/{model}:asyncBatchEmbedContent", handler: create)
        table.on(.post, "/tunedModels/{model}:asyncBatchEmbedContent", handler: create)
        table.on(.get, "/batches", handler: list)
        table.on(.get, "/batches/{batch}", handler: get)
        table.on(.delete, "/batches/{batch}", handler: delete)
        table.on(.post, "/batches/{batch}:cancel", handler: cancel)
        table.on(.patch, "/batches/{batch}:updateEmbedContentBatch", handler: update)
    }

    private static func create(_ call: APIRequest) async throws -> Response {
        let model = try call.model(for: "asyncBatchEmbedContent")
        guard !call.route.template.contains("/tunedModels/") else {
            throw APIError.modelNotFound(
                model.id, version: call.route.version.name, method: "asyncBatchEmbedContent")
        }
        let limit = try call.state.files.settings.maxInlineRequests
        let body = try await call.json { (json) throws(JSONError) in
            try CreateBatchBody(&json, maxRequests: limit)
        }.batch
        try call.checkModel(body.model, is: model, at: "AsyncBatchEmbedContentRequest.batch.model")
        guard let input = body.input else {
            throw APIError.invalid("* AsyncBatchEmbedContentRequest.batch.input_config: must not be empty\n")
        }
        let new = NewBatch(
            model: model.id, displayName: body.displayName, priority: body.priority ?? 0,
            input: {
                switch input {
                case .requests(let texts): .inline(texts)
                case .file(let id): .file(id)
                }
            }())
        let batch = try await call.withState { try await $0.batches.create(new) }
        return try JSONWriter.reply(batch, results: nil)
    }

    private static func get(_ call: APIRequest) async throws -> Response {
        let id = try call.parameter("batch")
        return try await call.withState { state in
            let batch = try await state.batches.batch(id)
            return try JSONWriter.reply(batch, results: try await state.batches.results(batch))
        }
    }

    private static func list(_ call: APIRequest) async throws -> Response {
        if let filter = call.query("filter"), !filter.isEmpty {
            throw APIError.invalid("filter is not supported; without it all batches are listed.")
        }
        let size = try call.pageSize(default: 10, limit: 100)
        let page = try await call.withState { try await $0.batches.list(pageSize: size, pageToken: call.pageToken) }
        var json = JSONWriter()
        json.raw("{")
        if !page.elements.isEmpty {
            json.raw("\"operations\":[")
            for (index, batch) in page.elements.enumerated() {
                if index > 0 { json.raw(",") }
                json.operation(batch)
            }
            json.raw("]")
        }
        if let token = page.nextPageToken { json.raw(",\"nextPageToken\":\"\(token)\"") }
        json.raw("}\n")
        return Response(json: json)
    }

    private static func cancel(_ call: APIRequest) async throws -> Response {
        let id = try call.parameter("batch")
        try await call.withState { try await $0.batches.cancel(id) }
        return .emptyObject
    }

    private static func delete(_ call: APIRequest) async throws -> Response {
        let id = try call.parameter("batch")
        try await call.withState { try await $0.batches.delete(id) }
        return .emptyObject
    }

    /// The display name and the priority; `updateMask` names what is meant, and without it all that is given.
    private static func update(_ call: APIRequest) async throws -> Response {
        let id = try call.parameter("batch")
        let body = try await call.json(BatchBody.self)
        let mask = Set(
            (call.query("updateMask") ?? call.query("update_mask") ?? "*").split(separator: ",").map(String.init))
        let names: Set = ["displayName", "display_name", "batch.display_name", "batch.displayName"]
        let priorities: Set = ["priority", "batch.priority"]
        let everything: Set = ["*"]
        guard mask.isSubset(of: names.union(priorities).union(everything)) else {
            throw APIError.invalid(
                "update_mask may name display_name and priority; nothing else of a batch can be changed.")
        }
        let batch = try await call.withState {
            try await $0.batches.update(
                id, displayName: mask.isDisjoint(with: names.union(everything)) ? nil : body.displayName,
                priority: mask.isDisjoint(with: priorities.union(everything)) ? nil : body.priority)
        }
        var json = JSONWriter()
        json.raw("{")
        json.batchFields(batch)
        json.raw("}\n")
        return Response(json: json)
    }
}
