package import CastorNumerics
import FoundationEssentials
import Glibc

/// A tensor to be written.
package struct NamedTensor: Sendable {
    package let name: String
    package let shape: [Int]
    package let values: Matrix

    /// - Precondition: the shape has as many values as `values`.
    package init(name: String, shape: [Int], values: Matrix) {
        precondition(shape.reduce(1, *) == values.count)
        self.name = name
        self.shape = shape
        self.values = values
    }
}

extension SafeTensors {
    /// Writes a file that appears whole or not at all: temporary file beside it, fsync, rename.
    ///
    /// - Parameter type: ``ScalarType/f32`` or ``ScalarType/f16`` (rounded to nearest even).
    package static func write(
        _ tensors: [NamedTensor], metadata: [String: String], as type: ScalarType, to path: String
    ) throws(ModelError) {
        precondition(type == .f32 || type == .f16, "\(type) is read, not written")
        var offset = 0
        var header: [String: WrittenValue] = ["__metadata__": .metadata(metadata)]
        for tensor in tensors {
            let size = tensor.values.count * type.byteCount
            header[tensor.name] = .tensor(type.rawValue, tensor.shape, [offset, offset + size])
            offset += size
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard var json = try? encoder.encode(header) else {
            throw .unreadable(path: path, reason: "the header cannot be encoded")
        }
        // Values start at a multiple of 8 bytes.
        while json.count % 8 != 0 { json.append(0x20) }

        let file = try AtomicFile(path: path)
        try withUnsafeBytes(of: UInt64(json.count).littleEndian) { (bytes) throws(ModelError) in try file.write(bytes) }
        try json.withUnsafeBytesTyped { (bytes) throws(ModelError) in try file.write(bytes) }
        for tensor in tensors {
            switch type {
            case .f16:
                let half = UnsafeBufferPointer(start: tensor.values.pointer, count: tensor.values.count).map(halfBits)
                try half.withUnsafeBytesTyped { (bytes) throws(ModelError) in try file.write(bytes) }
            default:
                try file.write(UnsafeRawBufferPointer(start: tensor.values.pointer, count: tensor.values.count * 4))
            }
        }
        try file.commit()
    }
}

enum WrittenValue: Encodable {
    case tensor(String, [Int], [Int])
    case metadata([String: String])

    enum CodingKeys: String, CodingKey {
        case dtype, shape
        case offsets = "data_offsets"
    }

    func encode(to encoder: any Encoder) throws {
        switch self {
        case .metadata(let values): try values.encode(to: encoder)
        case .tensor(let type, let shape, let offsets):
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(type, forKey: .dtype)
            try container.encode(shape, forKey: .shape)
            try container.encode(offsets, forKey: .offsets)
        }
    }
}

extension Array {
    /// `withUnsafeBytes` with a typed error.
    func withUnsafeBytesTyped(_ body: (UnsafeRawBufferPointer) throws(ModelError) -> Void)
        throws(ModelError)
    {
        let result: Result<Void, ModelError> = withUnsafeBytes { bytes in
            do throws(ModelError) { return .success(try body(bytes)) } catch { return .failure(error) }
        }
        try result.get()
    }
}

extension Data {
    func withUnsafeBytesTyped(_ body: (UnsafeRawBufferPointer) throws(ModelError) -> Void)
        throws(ModelError)
    {
        let result: Result<Void, ModelError> = withUnsafeBytes { bytes in
            do throws(ModelError) { return .success(try body(bytes)) } catch { return .failure(error) }
        }
        try result.get()
    }
}
