import Castor
import CastorJSON

/// A line of a batch's output.
struct ResultLine {
    let key: String
    /// Of the request that the vector was made of, or that was given up; nil where the line does not say.
    let identity: String?
    let isFailure: Bool
    /// With its line feed.
    let bytes: [UInt8]
    /// Where it ends in its file.
    let end: Int
    /// Whether the file is not the output itself, but the one that is to replace it.
    let isRedone: Bool

    /// The vector; nil where there is none.
    var values: [Float]? {
        try? JSONReader.read(bytes, .strict, Self.values)
    }

    private static func values(_ json: inout JSONReader) throws(JSONError) -> [Float]? {
        var values: [Float]?
        try json.startObject()
        while let name = try json.nextField() {
            guard case "response" = name else { continue }
            try json.startObject()
            while let name = try json.nextField() {
                guard case "embedding" = name else { continue }
                try json.startObject()
                while let name = try json.nextField() {
                    guard case "values" = name else { continue }
                    var list: [Float] = []
                    try json.appendFloats(to: &list)
                    values = list
                }
            }
        }
        return values
    }
}

/// The whole lines of a batch's output, one after the other.
final class ResultLines {
    private let path: String
    private let isRedone: Bool
    private let reader: LineReader
    private var isOver = false
    /// A last line without its line feed: it was cut short, even if it parses.
    private var rest: [UInt8] = []

    /// Whether it has lines to go on from: a device has none.
    var isFile: Bool { reader.size != nil }
    var isEmpty: Bool { reader.size == 0 }
    var identity: [UInt64] { reader.identity }

    init(path: String, isRedone: Bool = false) throws {
        self.path = path
        self.isRedone = isRedone
        // A key may be as long as an input line.
        reader = try LineReader(path: path, maxLineBytes: 2 * BatchRun.maxLineBytes)
    }

    func next() throws -> ResultLine? {
        guard !isOver, let size = reader.size, size > 0 else { return nil }
        let line = try reader.next()
        guard let line, reader.hasLineFeed else {
            isOver = true
            if case .text(let bytes)? = line { rest = bytes }
            return nil
        }
        guard case .text(let bytes) = line, let result = result(bytes) else {
            throw isNoOutput
        }
        return result
    }

    /// Asked first, instead of the lines: whether a batch wrote it, if only a part of a line.
    func isOutput() throws -> Bool {
        let start = Array("{\"key\":".utf8)
        return try isEmpty || next() != nil || rest.prefix(start.count).elementsEqual(start.prefix(rest.count))
    }

    var isNoOutput: Failure {
        Failure(.badInput, "\(path) exists and is not a batch's output; remove it to start anew")
    }

    /// nil for a line of something else; one of input has a key, too.
    private func result(_ bytes: [UInt8]) -> ResultLine? {
        var (key, identity): (String?, String?)
        var (hasResponse, hasError) = (false, false)
        do throws(JSONError) {
            try JSONReader.read(bytes) { (json) throws(JSONError) in
                try json.startObject()
                while let name = try json.nextField() {
                    switch name {
                    case "key": key = try json.recordKey()
                    case "response": hasResponse = true
                    case "error": hasError = true
                    case "request_hash": identity = try json.string()
                    default: break
                    }
                }
            }
        } catch { return nil }
        guard let key, hasResponse || hasError else { return nil }
        return ResultLine(
            key: key, identity: identity, isFailure: !hasResponse,
            bytes: bytes + [UInt8(ascii: "\n")],
            end: reader.position, isRedone: isRedone)
    }
}
