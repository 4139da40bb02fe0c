import HTTPTypes

/// What the OpenAPI document says of one route, whatever its version.
package struct OperationDescription: Sendable {
    package let id: String
    let summary: String
    /// Name of a schema, or nil where there is no JSON body.
    var request: String?
    /// Name of a schema, or nil where the answer is no JSON.
    var response: String?
    /// Names of query parameters beyond those of every route.
    var query: [String] = []

    /// By method and path without version.
    package static func of(_ route: RouteTable.Route) -> OperationDescription? {
        let prefix = route.version.prefix
        // `/upload/v1/files` has its version in the middle.
        let path =
            prefix.isEmpty ? route.template : route.template.replacing("\(prefix)/", with: "/", maxReplacements: 1)
        return all["\(route.method.rawValue) \(path)"]
    }

    /// Every route has an entry; a test holds both together.
    package static let all: [String: OperationDescription] = {
        var all: [String: OperationDescription] = [
            "POST /models/{model}:embedContent": .init(
                id: "embedContent", summary: "One vector for one content.", request: "EmbedContentRequest",
                response: "EmbedContentResponse"),
            "POST /models/{model}:batchEmbedContents": .init(
                id: "batchEmbedContents", summary: "One vector for each request, in order.",
                request: "BatchEmbedContentsRequest", response: "BatchEmbedContentsResponse"),
            "POST /models/{model}:countTokens": .init(
                id: "countTokens", summary: "Tokens of contents; nothing is computed.", request: "CountTokensRequest",
                response: "CountTokensResponse"),
            "GET /models": .init(
                id: "listModels", summary: "Names of the loaded model.", response: "ListModelsResponse",
                query: ["pageSize", "pageToken"]),
            "GET /models/{model}": .init(id: "getModel", summary: "One name of the loaded model.", response: "Model"),
            "GET /tunedModels": .init(
                id: "listTunedModels", summary: "There are none.", response: "ListTunedModelsResponse",
                query: ["pageSize", "pageToken"]),
            "POST /openai/embeddings": .init(
                id: "openAIEmbeddings", summary: "OpenAI's protocol: one vector a string.",
                request: "OpenAIEmbeddingsRequest", response: "OpenAIEmbeddingsResponse"),
            "POST /embeddings": .init(
                id: "openAIEmbeddingsShort", summary: "As /openai/embeddings.", request: "OpenAIEmbeddingsRequest",
                response: "OpenAIEmbeddingsResponse"),
            "GET /openai/models": .init(
                id: "openAIModels", summary: "Names of the loaded model.", response: "OpenAIModels"),
            "GET /openai/models/{model}": .init(
                id: "openAIModel", summary: "One name of the loaded model.", response: "OpenAIModel"),
            "GET /openai/models/models/{model}": .init(
                id: "openAIModelByFullName", summary: "As /openai/models/{model}.", response: "OpenAIModel"),
            "POST /models/{model}:asyncBatchEmbedContent": .init(
                id: "asyncBatchEmbedContent", summary: "Starts a batch job.", request: "AsyncBatchEmbedContentRequest",
                response: "Operation"),
            "POST /tunedModels/{model}:asyncBatchEmbedContent": .init(
                id: "asyncBatchEmbedContentTuned", summary: "There are no tuned models: an error.",
                request: "AsyncBatchEmbedContentRequest", response: "Operation"),
            "GET /batches": .init(
                id: "listBatches", summary: "Batch jobs, the newest first.", response: "ListOperationsResponse",
                query: ["pageSize", "pageToken", "filter", "returnPartialSuccess"]),
            "GET /batches/{batch}": .init(
                id: "getBatch", summary: "A batch job, with its results.", response: "Operation"),
            "DELETE /batches/{batch}": .init(id: "deleteBatch", summary: "Forgets a batch job.", response: "Object"),
            "POST /batches/{batch}:cancel": .init(
                id: "cancelBatch", summary: "Stops a batch job.", response: "Object"),
            "PATCH /batches/{batch}:updateEmbedContentBatch": .init(
                id: "updateBatch", summary: "Changes a batch job's display name or priority.",
                request: "EmbedContentBatch",
                response: "EmbedContentBatch", query: ["updateMask"]),
            "POST /upload/files": .init(
                id: "uploadFile", summary: "Uploads a file: resumable, multipart or raw.", query: ["upload_id"]),
            "PUT /upload/files": .init(id: "uploadFileByPut", summary: "As POST.", query: ["upload_id"]),
            "POST /files": .init(
                id: "createFile", summary: "A file without bytes.", request: "CreateFileRequest",
                response: "CreateFileResponse"),
            "GET /files": .init(
                id: "listFiles", summary: "Files, the newest first.", response: "ListFilesResponse",
                query: ["pageSize", "pageToken"]),
            "GET /files/{file}": .init(id: "getFile", summary: "A file's description.", response: "File"),
            "DELETE /files/{file}": .init(id: "deleteFile", summary: "Deletes a file.", response: "Object"),
            "GET /files/{file}:download": .init(
                id: "downloadFile", summary: "The bytes of a generated file.", query: ["alt"]),
            "GET /download/files/{file}:download": .init(
                id: "downloadFileByPrefix", summary: "As /files/{file}:download.", query: ["alt"]),
            "GET /livez": .init(id: "livez", summary: "Whether the process runs."),
            "GET /readyz": .init(id: "readyz", summary: "Whether the model is loaded and warm."),
            "GET /healthz": .init(id: "healthz", summary: "As /readyz."),
            "GET /health": .init(id: "health", summary: "As /readyz."),
            "GET /": .init(
                id: "welcome",
                summary: "What is served, in a few lines of text; of a server with an index, the page of search."),
            "POST /search/v1/query": .init(
                id: "search", summary: "What is alike in the index.", request: "SearchRequest",
                response: "SearchResponse"),
            "GET /search/v1/index": .init(
                id: "searchIndex", summary: "What is in the index.", response: "SearchIndexStatistics"),
            "POST /search/v1/index:update": .init(
                id: "searchIndexUpdate",
                summary: "Brings the index up to what its folders have, where the server allows it.",
                response: "SearchIndexing"),
            "GET /search/v1/problems": .init(
                id: "searchProblems", summary: "Files that are not in the index, or not whole, each with the reason.",
                response: "SearchProblems"),
            "GET /search/v1/map": .init(
                id: "searchMap", summary: "Items of the index in a plane, near ones alike.", response: "SearchMap"),
            "GET /search/v1/items/{item}": .init(
                id: "searchItem", summary: "An item of the index.", response: "SearchItem"),
            "GET /search/v1/items/{item}:download": .init(
                id: "searchItemFile", summary: "An item's file, or a range of it, with a key or a ticket.",
                query: ["ticket"]),
            "GET /search/v1/items/{item}:thumbnail": .init(
                id: "searchItemThumbnail", summary: "A picture of an item as JPEG, with a key or a ticket.",
                query: ["size", "ticket"]),
            "GET /search/v1/items/{item}:text": .init(
                id: "searchItemText", summary: "The lines around an item of a text, with a key or a ticket.",
                response: "SearchItemText", query: ["ticket"]),
            "GET /search/page/{file}": .init(id: "searchPageFile", summary: "A file that the page of search loads."),
            "GET /metrics": .init(id: "metrics", summary: "Counts, in Prometheus' text format."),
            "GET /openapi.json": .init(id: "openAPI", summary: "This document.", response: "Object"),
        ]
        for (parent, name) in [("/projects/{project}/locations/{location}", "Project"), ("", "Express")] {
            let models = "GET \(parent)/publishers/google/models"
            all[models] = .init(
                id: "vertexListModels\(name)", summary: "Vertex: names of the loaded model.",
                response: "ListPublisherModelsResponse", query: ["pageSize", "pageToken"])
            all["\(models)/{model}"] = .init(
                id: "vertexGetModel\(name)", summary: "Vertex: one name of the loaded model.",
                response: "PublisherModel")
            let model = "POST \(parent)/publishers/google/models/{model}"
            all["\(model):embedContent"] = .init(
                id: "vertexEmbedContent\(name)", summary: "Vertex: one vector for one content.",
                request: "EmbedContentRequest", response: "VertexEmbedContentResponse")
            all["\(model):batchEmbedContents"] = .init(
                id: "vertexBatchEmbedContents\(name)", summary: "Vertex: one vector for each request, in order.",
                request: "BatchEmbedContentsRequest", response: "VertexBatchEmbedContentsResponse")
            all["\(model):predict"] = .init(
                id: "vertexPredict\(name)", summary: "Vertex: one vector for each text.", request: "PredictRequest",
                response: "PredictResponse")
            all["\(model):countTokens"] = .init(
                id: "vertexCountTokens\(name)", summary: "Vertex: tokens of contents.", request: "CountTokensRequest",
                response: "VertexCountTokensResponse")
        }
        return all
    }()
}
