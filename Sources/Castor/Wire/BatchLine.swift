public import FoundationEssentials

/// One line of a batch input file: `{"key": "r1", "request": {"content": {...}, "outputDimensionality": 768}}`.
public struct BatchRequest: Sendable, Decodable {
    public var key: String?
    public var content: Content
    public var dimensions: Int?
    public var task: TaskType?
    public var title: String?
    public var autoTruncate: Bool?
    public var audioTrackExtraction: Bool?
    public var documentOCR: Bool?

    /// Reads one line.
    public init(json: Data) throws(WireError) {
        do {
            self = try JSONDecoder().decode(BatchRequest.self, from: json)
        } catch {
            throw WireError(error)
        }
    }

    public init(from decoder: any Decoder) throws {
        let line = try Fields(decoder, known: ["key", "request"])
        key = try line.value("key")
        guard let request = try line.value("request", Request.self) else { throw line.failure("lacks \"request\"") }
        let config = request.config
        content = request.content
        // Where a setting is given in both places, the nested one wins.
        dimensions = config?.dimensions ?? request.dimensions
        task = config?.task ?? request.task
        title = config?.title ?? request.title
        autoTruncate = config?.autoTruncate
        audioTrackExtraction = config?.audioTrackExtraction
        documentOCR = config?.documentOCR
    }

    /// The key of a line that is otherwise unreadable, so that its error can be told apart.
    public static func key(ofDamaged json: Data) -> String? {
        (try? JSONDecoder().decode(KeyOnly.self, from: json))?.key
    }

    private struct KeyOnly: Decodable {
        let key: String?
    }

    private struct Request: Decodable {
        let content: Content
        let dimensions: Int?
        let task: TaskType?
        let title: String?
        let config: Config?

        init(from decoder: any Decoder) throws {
            let fields = try Fields(
                decoder, known: ["model", "content", "tasktype", "title", "outputdimensionality", "embedcontentconfig"])
            guard let content = try fields.value("content", Content.self) else {
                throw fields.failure("lacks \"content\"")
            }
            self.content = content
            dimensions = try fields.value("outputdimensionality")
            task = try fields.task("tasktype")
            title = try fields.value("title")
            config = try fields.value("embedcontentconfig")
        }
    }

    private struct Config: Decodable {
        let dimensions: Int?
        let task: TaskType?
        let title: String?
        let autoTruncate: Bool?
        let audioTrackExtraction: Bool?
        let documentOCR: Bool?

        init(from decoder: any Decoder) throws {
            let fields = try Fields(
                decoder,
                known: [
                    "tasktype", "title", "outputdimensionality", "autotruncate", "documentocr", "audiotrackextraction",
                ])
            dimensions = try fields.value("outputdimensionality")
            task = try fields.task("tasktype")
            title = try fields.value("title")
            autoTruncate = try fields.value("autotruncate")
            audioTrackExtraction = try fields.value("audiotrackextraction")
            documentOCR = try fields.value("documentocr")
        }
    }
}

extension Fields {
    /// A task by its name or number; nil for "unspecified".
    fileprivate func task(_ name: String) throws -> TaskType? {
        if let number = try? value(name, Int.self) {
            guard number != 0 else { return nil }
            guard (1...TaskType.allCases.count).contains(number) else { throw failure("unknown task \(number)") }
            return TaskType.allCases[number - 1]
        }
        guard let text = try value(name, String.self), !text.hasSuffix("UNSPECIFIED") else { return nil }
        guard let task = TaskType(rawValue: text) else { throw failure("unknown task \"\(text)\"") }
        return task
    }
}
