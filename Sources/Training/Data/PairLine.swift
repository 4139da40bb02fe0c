import Castor
import CastorJSON

/// One line of a JSONL data set: `{"query": .., "positive": .., ...}` or `["query", "positive", ...]`.
struct PairLine {
    let query: Content
    private(set) var positive: Content?
    private(set) var negatives: [Content] = []
    private(set) var queryTeacher: [Float]?
    private(set) var positiveTeacher: [Float]?
    private(set) var task: TaskType?

    init(json bytes: UnsafeRawBufferPointer) throws(Unreadable) {
        do throws(JSONError) {
            self = try JSONReader.read(bytes) { (json) throws(JSONError) in try PairLine(&json) }
        } catch { throw Unreadable(error) }
    }

    private init(_ json: inout JSONReader) throws(JSONError) {
        if try json.kind() == .list {
            self = try Self.list(&json)
            return
        }
        var query: Content?
        try json.startObject()
        while let name = try json.nextField() {
            switch name {
            // Beside ours the names that others' data have.
            case "query", "question", "anchor", "sentence1":
                guard query == nil else { throw json.failure(.value("the line has a second query")) }
                query = try Self.content(&json)
            case "positive", "answer", "sentence2", "pos":
                guard positive == nil else { throw json.failure(.value("the line has a second positive")) }
                positive = try Self.only(&json)
            case "negatives", "negative", "neg":
                try json.startRepeated()
                while try json.nextItem() { negatives.append(try Self.content(&json)) }
            case "teacher": (queryTeacher, positiveTeacher) = try Self.teacher(&json)
            case "task":
                let word = try json.wireString()
                task = TaskType(name: word)
                if task == nil {
                    let names = TaskType.allCases.map(\.rawValue).joined(separator: ", ")
                    throw json.failure(.value("unknown task \"\(word)\"; tasks are \(names)"))
                }
            default: try json.unknown(name)
            }
        }
        guard let query else { throw json.failure(.missing(name: "query")) }
        self.query = query
    }

    private init(query: Content, positive: Content, negatives: [Content]) {
        (self.query, self.positive, self.negatives) = (query, positive, negatives)
    }

    /// `["query", "positive", "negative", ...]`.
    private static func list(_ json: inout JSONReader) throws(JSONError) -> PairLine {
        var contents: [Content] = []
        try json.startRepeated()
        while try json.nextItem() { contents.append(try content(&json)) }
        guard contents.count > 1 else { throw json.failure(.value("a list has a query and its positive at least")) }
        return PairLine(query: contents[0], positive: contents[1], negatives: Array(contents[2...]))
    }

    /// As the service has it, or a plain text.
    private static func content(_ json: inout JSONReader) throws(JSONError) -> Content {
        try json.kind() == .string ? Content(try json.string()) : try Content(&json)
    }

    /// A content, or a list of this one alone.
    private static func only(_ json: inout JSONReader) throws(JSONError) -> Content {
        guard try json.kind() == .list else { return try content(&json) }
        var contents: [Content] = []
        try json.startRepeated()
        while try json.nextItem() { contents.append(try content(&json)) }
        guard contents.count == 1 else {
            throw json.failure(.value("has \(contents.count) positives; a line for each is wanted"))
        }
        return contents[0]
    }

    /// The query's vector, or `{"query": [..], "positive": [..]}`.
    private static func teacher(_ json: inout JSONReader) throws(JSONError) -> (query: [Float]?, positive: [Float]?) {
        func vector(_ json: inout JSONReader) throws(JSONError) -> [Float] {
            var values: [Float] = []
            try json.appendFloats(to: &values)
            return values
        }
        if try json.kind() == .list { return (try vector(&json), nil) }
        var teacher: (query: [Float]?, positive: [Float]?)
        try json.startObject()
        while let name = try json.nextField() {
            switch name {
            case "query": teacher.query = try vector(&json)
            case "positive": teacher.positive = try vector(&json)
            default: try json.unknown(name)
            }
        }
        guard teacher.query != nil || teacher.positive != nil else { throw json.failure(.value("names no vector")) }
        return teacher
    }
}

/// One line of a captions file in JSONL: the file and its captions under the names that data sets use for them.
struct CaptionLine {
    let file: String
    let captions: [String]

    static let fileKeys = ["file_name", "file", "image", "audio", "path"]
    static let captionKeys = ["captions", "caption", "text"]

    init(json bytes: UnsafeRawBufferPointer) throws(Unreadable) {
        do throws(JSONError) {
            self = try JSONReader.read(bytes) { (json) throws(JSONError) in try CaptionLine(&json) }
        } catch { throw Unreadable(error) }
    }

    private init(_ json: inout JSONReader) throws(JSONError) {
        var file: (rank: Int, name: String)?
        var captions: (rank: Int, texts: [String])?
        try json.startObject()
        while let name = try json.nextName() {
            let key = name.text
            if let rank = Self.fileKeys.firstIndex(of: key), rank <= file?.rank ?? rank {
                file = (rank, try json.string())
            } else if let rank = Self.captionKeys.firstIndex(of: key), rank <= captions?.rank ?? rank {
                var texts: [String] = []
                try json.startRepeated()
                while try json.nextItem() { texts.append(try json.string()) }
                captions = (rank, texts)
            }
        }
        guard let file else {
            throw json.failure(.value("names no file (\(Self.fileKeys.joined(separator: ", ")))"))
        }
        guard let captions else {
            throw json.failure(.value("has no caption (\(Self.captionKeys.joined(separator: ", ")))"))
        }
        self.file = file.name
        self.captions = captions.texts
    }
}

extension Unreadable {
    init(_ error: JSONError) {
        self.init(WireError(error).description)
    }
}
