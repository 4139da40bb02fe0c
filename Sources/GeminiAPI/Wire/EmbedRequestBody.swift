package import Castor

/// `EmbedContentRequest`, of the Gemini API and of Vertex.
package struct EmbedRequestBody: Decodable {
    package var model: String?
    package var content: WireContent
    package var dimensions: Int?
    package var task: TaskType?
    package var title: String?
    package var autoTruncate: Bool?
    package var documentOCR: Bool?
    package var audioTrackExtraction: Bool?

    private static let schema = WireSchema([
        "model", "content", "task_type", "title", "output_dimensionality", "auto_truncate", "embed_content_config",
    ])

    package init(from decoder: any Decoder) throws {
        let fields = try WireObject(decoder, Self.schema)
        model = try fields.string("model")
        let config = try fields.value("embed_content_config", Config.self)
        // Where a setting is given in both places, the nested one wins.
        dimensions = try config?.dimensions ?? fields.int32("output_dimensionality")
        task = try config?.task ?? fields.task("task_type")
        title = try config?.title ?? fields.string("title")
        autoTruncate = try config?.autoTruncate ?? fields.bool("auto_truncate")
        documentOCR = config?.documentOCR
        audioTrackExtraction = config?.audioTrackExtraction
        content = try fields.value("content", WireContent.self) ?? WireContent(parts: [])
    }

    /// A text, from a face that knows nothing else.
    package init(text: String, dimensions: Int?) {
        self.init(part: .text(text), dimensions: dimensions)
    }

    /// One part, from a face of single inputs.
    init(part: WirePart, dimensions: Int?) {
        content = WireContent(parts: [part])
        self.dimensions = dimensions
    }

    private struct Config: Decodable {
        let dimensions: Int?
        let task: TaskType?
        let title: String?
        let autoTruncate: Bool?
        let documentOCR: Bool?
        let audioTrackExtraction: Bool?

        static let schema = WireSchema([
            "task_type", "title", "output_dimensionality", "auto_truncate", "document_ocr", "audio_track_extraction",
        ])

        init(from decoder: any Decoder) throws {
            let fields = try WireObject(decoder, Self.schema)
            dimensions = try fields.int32("output_dimensionality")
            task = try fields.task("task_type")
            title = try fields.string("title")
            autoTruncate = try fields.bool("auto_truncate")
            documentOCR = try fields.bool("document_ocr")
            audioTrackExtraction = try fields.bool("audio_track_extraction")
        }
    }
}

/// `BatchEmbedContentsRequest`
package struct BatchEmbedRequestBody: Decodable {
    package var requests: [EmbedRequestBody]

    private static let schema = WireSchema(["requests"])

    package init(from decoder: any Decoder) throws {
        let fields = try WireObject(decoder, Self.schema)
        requests = try fields.value("requests", [EmbedRequestBody].self) ?? []
    }
}
