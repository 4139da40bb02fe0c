import CastorJSON

/// Writes JSON straight into bytes: vectors of thousands of numbers need no tree in between.
public struct JSONWriter: Sendable {
    /// What was written, in UTF-8.
    public private(set) var bytes: [UInt8] = []

    /// A writer that has written nothing.
    public init() {}

    /// With room for so many bytes: growing step by step costs a third of the time that vectors take.
    package init(reserving bytes: Int) {
        self.bytes.reserveCapacity(bytes)
    }

    /// About what one value takes: `-0.012345678,`.
    package static let bytesPerValue = 14

    /// JSON as it stands, such as commas and brackets between values.
    public mutating func raw(_ text: String) {
        bytes.append(contentsOf: text.utf8)
    }

    /// A JSON string with quotes and escapes.
    public mutating func string(_ text: String) {
        JSONText.append(text, to: &bytes)
    }

    /// `[..]` of the shortest decimals that read back as the same f32.
    public mutating func values(_ values: [Float]) {
        bytes.append(UInt8(ascii: "["))
        // Written aside, some hundreds at a time, so that the array's bookkeeping is not done for every digit.
        let group = 256
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: group * (ShortestDecimal.maxLength + 1)) { buffer in
            let start = buffer.baseAddress!
            var from = 0
            while from < values.count {
                let to = min(from + group, values.count)
                var count = 0
                for index in from..<to {
                    if index > 0 {
                        start[count] = UInt8(ascii: ",")
                        count += 1
                    }
                    count += ShortestDecimal.write(values[index], to: start + count)
                }
                bytes.append(contentsOf: buffer[..<count])
                from = to
            }
        }
        bytes.append(UInt8(ascii: "]"))
    }

    /// `{"promptTokenCount":..,"promptTokenDetails":[..]}`
    public mutating func usage(_ usage: Usage) {
        raw("{\"promptTokenCount\":\(usage.promptTokenCount),\"promptTokenDetails\":[")
        for (index, detail) in usage.details.enumerated() {
            raw(
                "\(index > 0 ? "," : ""){\"modality\":\"\(detail.modality.rawValue)\",\"tokenCount\":\(detail.tokenCount)}"
            )
        }
        raw("]}")
    }

    /// `{"embedding":{"values":[..]},"usageMetadata":{..}}`
    public mutating func embedding(_ embedding: Embedding) {
        raw("{\"embedding\":{\"values\":")
        values(embedding.values)
        raw("},\"usageMetadata\":")
        usage(embedding.usage)
        raw("}")
    }

    /// `{"code":..,"message":..,"status":..}`: the service's error object.
    public mutating func status(code: Int, name: String, message: String) {
        raw("{\"code\":\(code),\"message\":")
        string(message)
        raw(",\"status\":\"\(name)\"}")
    }
}
