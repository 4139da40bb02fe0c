import Castor
import CastorJSON

/// One line of a JSONL data set.
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
        var query: Content?
        try json.startObject()
        while let name = try json.nextField() {
            switch name {
            case "query": query = try Content(&json)
            case "positive": positive = try Content(&json)
            case "negatives":
                negatives = []
                try json.startRepeated()
                while try json.nextItem() { negatives.append(try Content(&json)) }
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
