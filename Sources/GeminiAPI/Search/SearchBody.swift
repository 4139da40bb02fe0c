import Castor
import CastorJSON
import FoundationEssentials
import Search

/// `SearchRequest`: what is looked for, in which items.
struct SearchBody: WireBody, Sendable {
    /// A content or an item, and how much it counts.
    struct Term: Sendable {
        enum Value: Sendable {
            case content(Content)
            case item(Int64)
        }

        var value: Value
        var weight = 1.0
    }

    /// All its parts are one query.
    var content: Content?
    var more: [Term] = []
    var less: [Term] = []
    var types: Set<Medium>?
    var under: [RawPath] = []
    /// Nanoseconds since 1970.
    var since: Int64?
    var top: Int?
    /// Results of each type, instead of all.
    var topPerType: Int?
    var perFile = 3
    var threshold: Double?
    var dimensions: Int?
    var isExact = false

    static let maxTerms = 32
    static let maxTop = 1_000
    private static let maxFolders = 100

    init(_ json: inout JSONReader) throws(JSONError) {
        try json.startObject()
        while let name = try json.nextField() {
            switch name {
            case "content": content = try Content(&json)
            case "more": more = try Self.terms(&json)
            case "less": less = try Self.terms(&json)
            case "types":
                types = Set(
                    try json.list(atMost: 100) { (json) throws(JSONError) in
                        let name = try json.wireString()
                        guard let medium = Medium(name: name) else {
                            throw json.failure(
                                .value("must be text, image, audio, video or document, not \(name.shortened)"))
                        }
                        return medium
                    })
            case "under":
                under = try json.list(atMost: Self.maxFolders) { (json) throws(JSONError) in
                    let path = try json.wireString()
                    guard path.hasPrefix("/") else { throw json.failure(.value("must be a path from the root on")) }
                    return RawPath(path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path)
                }
            case "since": since = try Self.time(&json)
            case "top": top = try Self.count(&json, 1...Self.maxTop)
            case "top_per_type": topPerType = try Self.count(&json, 1...Self.maxTop)
            case "per_file": perFile = try Self.count(&json, 0...Self.maxTop)
            case "threshold":
                let value = try json.wireDouble()
                guard (-1...1).contains(value) else { throw json.failure(.value("must be between -1 and 1")) }
                threshold = value
            case "dimensions": dimensions = try Self.count(&json, 1...1 << 20)
            case "exact": isExact = try json.wireBool()
            default: try json.unknown(name)
            }
        }
    }

    private static func count(_ json: inout JSONReader, _ range: ClosedRange<Int>) throws(JSONError) -> Int {
        let value = try json.wireInt32()
        guard range.contains(value) else {
            throw json.failure(.value("must be between \(range.lowerBound) and \(range.upperBound), not \(value)"))
        }
        return value
    }

    private static func terms(_ json: inout JSONReader) throws(JSONError) -> [Term] {
        try json.list(atMost: maxTerms) { (json) throws(JSONError) in
            var (content, item, weight): (Content?, Int64?, Double) = (nil, nil, 1)
            try json.startObject()
            while let name = try json.nextField() {
                switch name {
                case "content": content = try Content(&json)
                case "item": item = Int64(try json.wireInt64())
                case "weight":
                    weight = try json.wireDouble()
                    guard weight > 0, weight <= 1_000 else {
                        throw json.failure(.value("must be above 0 and at most 1000"))
                    }
                default: try json.unknown(name)
                }
            }
            switch (content, item) {
            case (let content?, nil): return Term(value: .content(content), weight: weight)
            case (nil, let item?): return Term(value: .item(item), weight: weight)
            default: throw json.failure(.value("needs exactly one of content and item"))
            }
        }
    }

    /// A `google.protobuf.Timestamp`, as in `2026-07-25T10:00:00Z`, or a day.
    private static func time(_ json: inout JSONReader) throws(JSONError) -> Int64 {
        let text = try json.wireString()
        let day = text.utf8.count == 10 ? text + "T00:00:00Z" : text
        let date =
            (try? Date(day, strategy: .iso8601))
            ?? (try? Date(day, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
        guard let seconds = date?.timeIntervalSince1970, abs(seconds) < 9e9 else {
            throw json.failure(.value("must be a time, as in 2026-07-25T10:00:00Z, or a day"))
        }
        return Int64(seconds * 1_000_000_000)
    }
}
