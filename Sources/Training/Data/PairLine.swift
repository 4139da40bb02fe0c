import Castor
import FoundationEssentials

/// One line of a JSONL data set.
struct PairLine: Decodable {
    let query: Content
    let positive: Content?
    let negatives: [Content]
    let queryTeacher: [Float]?
    let positiveTeacher: [Float]?
    let task: TaskType?

    init(json: UnsafeRawBufferPointer) throws(Unreadable) {
        guard String(validating: json, as: UTF8.self) != nil else { throw Unreadable("is not valid UTF-8") }
        do {
            self = try JSONDecoder().decode(PairLine.self, from: Data(json))
        } catch {
            throw Unreadable(WireError(error).description)
        }
    }

    init(from decoder: any Decoder) throws {
        let fields = try Castor.Fields(
            decoder, known: ["query", "positive", "negatives", "teacher", "task"])
        guard let query = try fields.value("query", Content.self) else { throw fields.failure("lacks \"query\"") }
        self.query = query
        positive = try fields.value("positive")
        negatives = try fields.value("negatives") ?? []
        if let vector = try? fields.value("teacher", [Float].self) {
            (queryTeacher, positiveTeacher) = (vector, nil)
        } else {
            let teacher = try fields.value("teacher", Teacher.self)
            (queryTeacher, positiveTeacher) = (teacher?.query, teacher?.positive)
        }
        if let name = try fields.value("task", String.self) {
            guard let task = TaskType(name: name) else {
                let names = TaskType.allCases.map(\.rawValue).joined(separator: ", ")
                throw fields.failure("unknown task \"\(name)\"; tasks are \(names)")
            }
            self.task = task
        } else {
            task = nil
        }
    }

    private struct Teacher: Decodable {
        let query: [Float]?
        let positive: [Float]?

        init(from decoder: any Decoder) throws {
            let fields = try Castor.Fields(decoder, known: ["query", "positive"])
            query = try fields.value("query")
            positive = try fields.value("positive")
            guard query != nil || positive != nil else { throw fields.failure("names no vector") }
        }
    }
}

/// One line of a captions file in JSONL: the file and its captions under the names that data sets use for them.
struct CaptionLine: Decodable {
    let file: String
    let captions: [String]

    static let fileKeys = ["file_name", "file", "image", "audio", "path"]
    static let captionKeys = ["captions", "caption", "text"]

    init(json: UnsafeRawBufferPointer) throws(Unreadable) {
        guard String(validating: json, as: UTF8.self) != nil else { throw Unreadable("is not valid UTF-8") }
        do {
            self = try JSONDecoder().decode(CaptionLine.self, from: Data(json))
        } catch let error as Unreadable {
            throw error
        } catch {
            throw Unreadable(WireError(error).description)
        }
    }

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        guard let fileKey = Self.fileKeys.map(Key.init).first(where: fields.contains) else {
            throw Unreadable("names no file (\(Self.fileKeys.joined(separator: ", ")))")
        }
        file = try fields.decode(String.self, forKey: fileKey)
        guard let key = Self.captionKeys.map(Key.init).first(where: fields.contains) else {
            throw Unreadable("has no caption (\(Self.captionKeys.joined(separator: ", ")))")
        }
        if let one = try? fields.decode(String.self, forKey: key) {
            captions = [one]
        } else {
            captions = try fields.decode([String].self, forKey: key)
        }
    }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
