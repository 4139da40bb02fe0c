package import CastorJSON
public import FoundationEssentials

/// What is to be embedded, and how: the service's `EmbedContentRequest`, of the Gemini API and of Vertex.
public struct EmbedRequest: Sendable {
    /// As the request has it; which model answers is not its matter.
    public var model: String?
    /// nil where the request has none.
    public var content: Content?
    /// ``EmbedOptions/dimensions``, as `outputDimensionality`.
    public var dimensions: Int?
    /// ``EmbedOptions/task``, as `taskType`.
    public var task: TaskType?
    /// ``EmbedOptions/title``.
    public var title: String?
    /// ``EmbedOptions/autoTruncate``.
    public var autoTruncate: Bool?
    /// ``EmbedOptions/audioTrackExtraction``.
    public var audioTrackExtraction: Bool?
    /// ``EmbedOptions/documentOCR``, as `documentOcr`.
    public var documentOCR: Bool?

    /// A request without settings.
    public init(_ content: Content) {
        self.content = content
    }

    /// Reads the value that is due.
    package init(_ json: inout JSONReader) throws(JSONError) {
        var config = Settings()
        var outer = Settings()
        try json.startObject()
        while let name = try json.nextField() {
            switch name {
            case "model": model = try json.wireString()
            case "content": content = try Content(&json)
            case "embed_content_config":
                config = Settings()
                try json.startObject()
                while let name = try json.nextField() {
                    switch name {
                    case "document_ocr": documentOCR = try json.wireBool()
                    case "audio_track_extraction": audioTrackExtraction = try json.wireBool()
                    default: if try !config.take(name, &json) { try json.unknown(name) }
                    }
                }
            default: if try !outer.take(name, &json) { try json.unknown(name) }
            }
        }
        // Where a setting is given in both places, the nested one wins.
        dimensions = config.dimensions ?? outer.dimensions
        task = config.task ?? outer.task
        title = config.title ?? outer.title
        autoTruncate = config.autoTruncate ?? outer.autoTruncate
    }

    /// Fields of a request and of its `embedContentConfig`.
    private struct Settings {
        var dimensions: Int?
        var task: TaskType?
        var title: String?
        var autoTruncate: Bool?

        /// Whether the name is one of these.
        mutating func take(_ name: JSONName, _ json: inout JSONReader) throws(JSONError) -> Bool {
            switch name {
            case "output_dimensionality": dimensions = try json.wireInt32()
            case "task_type": task = try json.wireTask()
            case "title": title = try json.wireString()
            case "auto_truncate": autoTruncate = try json.wireBool()
            default: return false
            }
            return true
        }
    }
}

/// One line of a batch file, or one inline request of a batch job:
/// `{"key": "r1", "request": {"content": {...}, "outputDimensionality": 768}, "metadata": {...}}`.
public struct BatchRequest: Sendable {
    /// What tells the result of this line from others. A number is the text of its digits.
    public var key: String?
    /// What is to be embedded, and how.
    public var request: EmbedRequest
    /// JSON that comes back with the result.
    package var metadata: [UInt8]?

    /// The request's; without parts where it has none.
    public var content: Content { request.content ?? Content([]) }

    /// Reads one line.
    public init(json: Data) throws(WireError) {
        try self.init(json: Array(json))
    }

    /// Reads one line. Its request must have a content.
    package init(json bytes: [UInt8]) throws(WireError) {
        do throws(JSONError) {
            self = try JSONReader.read(bytes, .service) { (json) throws(JSONError) in
                let line = try BatchRequest(&json)
                if line.request.content == nil {
                    var error = json.failure(.missing(name: "content"))
                    error.path = [.name("request")]
                    throw error
                }
                return line
            }
        } catch { throw WireError(error) }
    }

    /// For the message about a line that cannot be read: files of old Macs, and of some spreadsheets, end lines with a carriage return alone,
    /// and so are one line. Empty for others.
    package static func hint(ofDamaged line: [UInt8]) -> String {
        line.dropLast().contains(UInt8(ascii: "\r"))
            ? "; it has carriage returns inside: lines end with a line feed, with or without a carriage return before it"
            : ""
    }

    /// Reads the value that is due, a line of a file.
    package init(_ json: inout JSONReader) throws(JSONError) {
        try self.init(&json, isKeyed: true)
    }

    /// - Parameter isKeyed: whether it is a line of a file: an inline request has no key
    package init(_ json: inout JSONReader, isKeyed: Bool) throws(JSONError) {
        var request: EmbedRequest?
        try json.startObject()
        while let name = try json.nextField() {
            switch name {
            case "request": request = try EmbedRequest(&json)
            case "metadata": metadata = try json.copy(atMost: Self.maxLabelBytes)
            case "key" where isKeyed: key = try Self.key(&json)
            default: try json.unknown(name)
            }
        }
        guard let request else { throw json.failure(.missing(name: "request")) }
        self.request = request
    }

    /// Bytes of a key, and of the metadata's JSON: both come back with the result.
    package static let maxLabelBytes = 1 << 16

    private static func key(_ json: inout JSONReader) throws(JSONError) -> String {
        let key = try json.recordKey()
        guard key.utf8.count <= maxLabelBytes else {
            throw json.failure(.value("has more than \(maxLabelBytes) bytes"))
        }
        return key
    }

    /// Key and metadata of a line that is otherwise unreadable, so that its error can be told apart.
    package static func labels(ofDamaged bytes: [UInt8]) -> (key: String?, metadata: [UInt8]?) {
        var labels: (key: String?, metadata: [UInt8]?)
        _ = try? JSONReader.read(bytes, .service) { (json) throws(JSONError) in
            try json.startObject()
            while let name = try json.nextField() {
                switch name {
                case "key": labels.key = try key(&json)
                case "metadata": labels.metadata = try json.copy(atMost: maxLabelBytes)
                default: break
                }
            }
        }
        return labels
    }
}

extension JSONReader {
    /// A key: a text, or a number as it is written.
    package mutating func recordKey() throws(JSONError) -> String {
        switch try kind() {
        case .string: return try string()
        case .number:
            let number = try number()
            return text(number)
        default: throw type("a text or a number")
        }
    }
}

/// A key as its bytes. `String` holds two spellings of one letter for equal, composed and decomposed; keys are what their bytes are.
package struct RecordKey: Hashable, Sendable {
    package let text: String

    package init(_ text: String) {
        self.text = text
    }

    package static func == (a: RecordKey, b: RecordKey) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

    package func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
