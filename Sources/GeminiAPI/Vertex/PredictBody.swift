import Castor

/// The body of Vertex's `:predict` for text models.
struct PredictBody: Decodable {
    let instances: [PredictInstance]
    let dimensions: Int?
    let autoTruncate: Bool?

    private static let schema = WireSchema(["instances", "parameters", "labels"])

    init(from decoder: any Decoder) throws {
        let fields = try WireObject(decoder, Self.schema)
        instances = try fields.value("instances", [PredictInstance].self) ?? []
        let parameters = try fields.value("parameters", Parameters.self)
        dimensions = parameters?.dimensions
        autoTruncate = parameters?.autoTruncate
    }

    private struct Parameters: Decodable {
        let dimensions: Int?
        let autoTruncate: Bool?

        static let schema = WireSchema(["output_dimensionality", "auto_truncate"])

        init(from decoder: any Decoder) throws {
            let fields = try WireObject(decoder, Self.schema)
            dimensions = try fields.int32("output_dimensionality")
            autoTruncate = try fields.bool("auto_truncate")
        }
    }
}

/// One text of a `:predict`.
struct PredictInstance: Decodable {
    let content: String
    let task: TaskType?
    let title: String?

    private static let schema = WireSchema(["content", "task_type", "title"])

    init(from decoder: any Decoder) throws {
        let fields = try WireObject(decoder, Self.schema)
        content = try fields.string("content") ?? ""
        task = try fields.task("task_type")
        title = try fields.string("title")
    }
}
