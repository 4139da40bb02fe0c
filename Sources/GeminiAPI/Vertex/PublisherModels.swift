import Castor
import Hummingbird

/// `GET .../publishers/google/models` and `.../{model}`: Vertex' own SDK asks for a model before it embeds with it.
enum PublisherModels {
    static func list(_ call: APIRequest) async throws -> Response {
        try ModelRoutes.list(call, field: "publisherModels", write)
    }

    static func get(_ call: APIRequest) async throws -> Response {
        try ModelRoutes.get(
            call, notFound: { "Publisher Model `\(prefix)\($0)` is not found" }, prefix: prefix, write)
    }

    private static let prefix = "publishers/google/models/"

    /// The SDK takes the address of `:predict` from the template, and that a model embeds text from the schema's name: never opened.
    private static func write(_ model: ServedModels.Entry, _ json: inout JSONWriter) {
        json.raw("{\"name\":")
        json.string("publishers/google/models/\(model.id)")
        json.raw(",\"versionId\":\"\(model.version)\",\"launchStage\":\"GA\",\"publisherModelTemplate\":")
        json.string("projects/{project}/locations/{location}/publishers/google/models/\(model.id)")
        json.raw(
            ",\"predictSchemata\":{\"instanceSchemaUri\":"
                + "\"gs://google-cloud-aiplatform/schema/predict/instance/text_embedding_1.0.0.yaml\"}}")
    }
}
