import FoundationEssentials

/// Number formats of tensors. Weights are one of the first three; the others stand beside them in files of others, and in checkpoints.
package enum ScalarType: String, Sendable {
    case f32 = "F32"
    case f16 = "F16"
    case bf16 = "BF16"
    case u8 = "U8"
    case i8 = "I8"
    case bool = "BOOL"
    case i16 = "I16"
    case u16 = "U16"
    case i32 = "I32"
    case u32 = "U32"
    case i64 = "I64"
    case u64 = "U64"
    case f64 = "F64"

    package var byteCount: Int {
        switch self {
        case .i64, .u64, .f64: 8
        case .f32, .i32, .u32: 4
        case .f16, .bf16, .i16, .u16: 2
        case .u8, .i8, .bool: 1
        }
    }

    /// Whether weights may have it.
    package var isOfWeights: Bool {
        switch self {
        case .f32, .f16, .bf16: true
        default: false
        }
    }
}

/// A safetensors file, mapped into memory. Every field of the header was checked against the file when this exists:
/// tensors lie inside the file, one after the other, without gap or overlap, and have the size their shape says.
///
/// Layout: 8 bytes little-endian header size N, N bytes of JSON, then the values.
package struct SafeTensors: Sendable {
    package struct Entry: Sendable {
        package let type: ScalarType
        package let shape: [Int]
        /// Bytes from the start of the file.
        package let range: Range<Int>
    }

    /// A header for 10,000 tensors has about 1 MB; more is an attack or a mistake.
    package static let maxHeaderBytes = 16 << 20

    package let file: MappedFile
    package let entries: [String: Entry]
    package let metadata: [String: String]

    package init(path: String) throws(ModelError) {
        try self.init(file: MappedFile(path: path))
    }

    package init(file: MappedFile) throws(ModelError) {
        func fail(_ reason: String) -> ModelError { .safeTensors(path: file.path, reason: reason) }
        guard file.bytes.count >= 8 else { throw fail("\(file.bytes.count) bytes are too few for a header") }
        let size = UInt64(littleEndian: file.bytes.loadUnaligned(as: UInt64.self))
        guard size <= UInt64(Self.maxHeaderBytes) else {
            throw fail("header size \(size) is above the limit of \(Self.maxHeaderBytes) bytes")
        }
        guard size <= UInt64(file.bytes.count - 8) else {
            throw fail("header size \(size) goes beyond the end of the file (\(file.bytes.count) bytes)")
        }
        let headerEnd = 8 + Int(size)
        let header: [String: HeaderValue]
        do {
            header = try JSONDecoder().decode(
                [String: HeaderValue].self, from: Data(file.bytes[8..<headerEnd]))
        } catch {
            throw fail("the header is not JSON of the expected form")
        }

        var entries: [String: Entry] = [:]
        var metadata: [String: String] = [:]
        for (name, value) in header {
            switch value {
            case .metadata(let values):
                guard name == "__metadata__" else { throw fail("tensor \(name) has no dtype, shape and data_offsets") }
                metadata = values
            case .tensor(let tensor):
                entries[name] = try Self.check(
                    name, tensor, dataStart: headerEnd, fileSize: file.bytes.count, fail: fail)
            }
        }
        var end = headerEnd
        for (name, entry) in entries.sorted(by: {
            ($0.value.range.lowerBound, $0.value.range.upperBound, $0.key)
                < ($1.value.range.lowerBound, $1.value.range.upperBound, $1.key)
        }) {
            guard entry.range.lowerBound == end else {
                throw fail("tensor \(name) \(entry.range.lowerBound < end ? "overlaps" : "leaves a gap after") another")
            }
            end = entry.range.upperBound
        }
        guard end == file.bytes.count else { throw fail("\(file.bytes.count - end) bytes follow the last tensor") }
        self.file = file
        self.entries = entries
        self.metadata = metadata
    }

    private static func check(
        _ name: String, _ tensor: HeaderTensor, dataStart: Int, fileSize: Int, fail: (String) -> ModelError
    ) throws(ModelError) -> Entry {
        guard let type = ScalarType(rawValue: tensor.dtype) else {
            throw fail("tensor \(name) has dtype \(tensor.dtype), which this program does not know")
        }
        guard tensor.shape.count <= 8 else {
            throw fail("tensor \(name) has \(tensor.shape.count) axes, at most 8 are read")
        }
        var count = type.byteCount
        for length in tensor.shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: length)
            guard length >= 0, !overflow else { throw fail("tensor \(name) has the impossible shape \(tensor.shape)") }
            count = product
        }
        let dataSize = fileSize - dataStart
        guard tensor.offsets.count == 2, tensor.offsets[0] >= 0, tensor.offsets[0] <= tensor.offsets[1],
            tensor.offsets[1] <= dataSize
        else {
            throw fail("tensor \(name) has data_offsets \(tensor.offsets) outside the \(dataSize) bytes of data")
        }
        guard tensor.offsets[1] - tensor.offsets[0] == count else {
            throw fail("tensor \(name) has \(tensor.offsets[1] - tensor.offsets[0]) bytes, its shape needs \(count)")
        }
        return Entry(
            type: type, shape: tensor.shape, range: dataStart + tensor.offsets[0]..<dataStart + tensor.offsets[1])
    }
}

private struct HeaderTensor: Decodable {
    let dtype: String
    let shape: [Int]
    let offsets: [Int]

    enum CodingKeys: String, CodingKey {
        case dtype, shape
        case offsets = "data_offsets"
    }
}

private enum HeaderValue: Decodable {
    case tensor(HeaderTensor)
    case metadata([String: String])

    init(from decoder: any Decoder) throws {
        if let tensor = try? HeaderTensor(from: decoder) {
            self = .tensor(tensor)
        } else {
            self = .metadata(try [String: String](from: decoder))
        }
    }
}
