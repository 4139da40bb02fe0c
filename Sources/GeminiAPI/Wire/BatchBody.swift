import Castor
import CastorJSON

/// `AsyncBatchEmbedContentRequest`: `{"batch": EmbedContentBatch}`
struct CreateBatchBody: Sendable {
    var batch: BatchBody

    init(_ json: inout JSONReader, maxRequests: Int) throws(JSONError) {
        var batch: BatchBody?
        try json.startObject()
        while let name = try json.nextField() {
            switch name {
            case "batch": batch = try BatchBody(&json, maxRequests: maxRequests)
            default: try json.unknown(name)
            }
        }
        guard let batch else {
            throw json.failure(.value("* AsyncBatchEmbedContentRequest.batch: must not be empty"))
        }
        self.batch = batch
    }
}

/// `EmbedContentBatch`, as clients send it: what they may set, and the rest by name only.
struct BatchBody: WireBody, Sendable {
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

    init(_ json: inout JSONReader) throws(JSONError) {
        try self.init(&json, maxRequests: json.options.maxItems)
    }

    /// - Parameter maxRequests: inline
    init(_ json: inout JSONReader, maxRequests: Int) throws(JSONError) {
        try json.startObject()
        while let name = try json.nextField() {
            switch name {
            case "model": model = try json.wireString()
            case "display_name": displayName = try json.wireString()
            case "priority": priority = Int64(try json.wireInt64())
            case "input_config": input = try Self.input(&json, maxRequests)
            case "name", "output", "create_time", "end_time", "update_time", "batch_stats", "state": try json.skip()
            default: try json.unknown(name)
            }
        }
    }

    private static func input(_ json: inout JSONReader, _ maxRequests: Int) throws(JSONError) -> Input? {
        var file: String?
        var requests: [[UInt8]]?
        try json.startObject()
        while let name = try json.nextField() {
            switch name {
            case "file_name": file = try json.wireString()
            case "requests":
                requests = []
                try json.startObject()
                while let name = try json.nextField() {
                    switch name {
                    case "requests":
                        requests = try json.list(
                            atMost: maxRequests,
                            else: "The batch has more than \(maxRequests) requests; a file may have any number."
                        ) { (json) throws(JSONError) in try request(&json) }
                    default: try json.unknown(name)
                    }
                }
            default: try json.unknown(name)
            }
        }
        switch (file, requests) {
        case (let file?, nil): return .file(file.hasPrefix("files/") ? String(file.dropFirst(6)) : file)
        case (nil, let requests?): return .requests(requests)
        case (nil, nil): return nil
        default: throw json.failure(.value("must have one of file_name and requests, not both"))
        }
    }

    /// `{"request": EmbedContentRequest, "metadata": {..}}`, checked, and kept as it came.
    private static func request(_ json: inout JSONReader) throws(JSONError) -> [UInt8] {
        var again = json
        _ = try BatchRequest(&json, isKeyed: false)
        return try again.copy()
    }
}
