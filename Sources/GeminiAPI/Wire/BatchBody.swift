import FoundationEssentials

/// `AsyncBatchEmbedContentRequest`: `{"batch": EmbedContentBatch}`
struct CreateBatchBody: Decodable, Sendable {
    var batch: BatchBody

    private static let schema = WireSchema(["batch"])

    init(from decoder: any Decoder) throws {
        let fields = try WireObject(decoder, Self.schema)
        guard let batch = try fields.value("batch", BatchBody.self) else {
            throw fields.failure("* AsyncBatchEmbedContentRequest.batch: must not be empty")
        }
        self.batch = batch
    }
}

/// `EmbedContentBatch`, as clients send it: what they may set, and the rest by name only.
struct BatchBody: Decodable, Sendable {
    enum Input: Sendable {
        /// One JSON text each.
        case requests([[UInt8]])
        /// Without `files/`.
        case file(String)
    }

    var model: String?
    var displayName: String?
    var priority: Int64?
    var input: Input?

    private static let schema = WireSchema([
        "model", "name", "display_name", "input_config", "output", "create_time", "end_time", "update_time",
        "batch_stats",
        "state", "priority",
    ])
    private static let inputSchema = WireSchema(["file_name", "requests"])
    private static let requestsSchema = WireSchema(["requests"])

    init(from decoder: any Decoder) throws {
        let fields = try WireObject(decoder, Self.schema)
        model = try fields.string("model")
        displayName = try fields.string("display_name")
        priority = try fields.int64("priority").map(Int64.init)
        input = try fields.value("input_config", InputConfig.self)?.input
    }

    private struct InputConfig: Decodable {
        var input: Input?

        init(from decoder: any Decoder) throws {
            let fields = try WireObject(decoder, BatchBody.inputSchema)
            let file = try fields.string("file_name")
            let requests = try fields.value("requests", InlinedRequests.self)
            switch (file, requests) {
            case (let file?, nil): input = .file(file.hasPrefix("files/") ? String(file.dropFirst(6)) : file)
            case (nil, let requests?): input = .requests(requests.texts)
            case (nil, nil): input = nil
            default: throw fields.failure("input_config must have one of file_name and requests, not both.")
            }
        }
    }

    private struct InlinedRequests: Decodable {
        var texts: [[UInt8]]

        init(from decoder: any Decoder) throws {
            let fields = try WireObject(decoder, BatchBody.requestsSchema)
            texts = try fields.value("requests", [InlinedRequest].self)?.map(\.text) ?? []
        }
    }

    /// `{"request": EmbedContentRequest, "metadata": {..}}`, checked, and kept as it came.
    private struct InlinedRequest: Decodable {
        let text: [UInt8]

        init(from decoder: any Decoder) throws {
            _ = try BatchLine(from: decoder, keyed: false)
            let encoder = JSONEncoder()
            encoder.outputFormatting = .withoutEscapingSlashes
            text = Array(try encoder.encode(JSONEcho(from: decoder)))
        }
    }
}

/// One request of a batch job: inline with `metadata`, or a line of a file with a `key`.
struct BatchLine: Decodable, Sendable {
    let request: EmbedRequestBody
    /// What comes back with the answer.
    let key: JSONEcho?
    let metadata: JSONEcho?

    private static let schema = WireSchema(["key", "request", "metadata"])
    private static let inlineSchema = WireSchema(["request", "metadata"])

    init(from decoder: any Decoder) throws {
        try self.init(from: decoder, keyed: true)
    }

    init(from decoder: any Decoder, keyed: Bool) throws {
        let fields = try WireObject(decoder, keyed ? Self.schema : Self.inlineSchema)
        guard let request = try fields.value("request", EmbedRequestBody.self) else {
            throw fields.failure("A request of a batch job needs a \"request\".")
        }
        self.request = request
        key = try fields.value("key", JSONEcho.self)
        metadata = try fields.value("metadata", JSONEcho.self)
    }

    /// The key and the metadata of a line that cannot be read otherwise, so that its error can be told apart.
    struct Labels: Decodable {
        let key: JSONEcho?
        let metadata: JSONEcho?
    }
}
