import FoundationEssentials

/// A tensor whose bytes come when they are asked for.
package struct StreamedTensor {
    package let name: String
    package let type: ScalarType
    package let shape: [Int]
    /// Hands its bytes to the sink, as many as type and shape say.
    package let write: (_ sink: (UnsafeRawBufferPointer) throws(ModelError) -> Void) throws(ModelError) -> Void

    package init(
        name: String, type: ScalarType, shape: [Int],
        write: @escaping (_ sink: (UnsafeRawBufferPointer) throws(ModelError) -> Void) throws(ModelError) -> Void
    ) {
        self.name = name
        self.type = type
        self.shape = shape
        self.write = write
    }

    package var byteCount: Int { shape.reduce(type.byteCount, *) }
}

extension SafeTensors {
    /// Writes tensors one after the other, so that a file of any size needs the memory of a piece of one.
    package static func write(
        streaming tensors: [StreamedTensor], metadata: [String: String], to path: String
    ) throws(ModelError) {
        var offset = 0
        var header: [String: WrittenValue] = ["__metadata__": .metadata(metadata)]
        for tensor in tensors {
            header[tensor.name] = .tensor(tensor.type.rawValue, tensor.shape, [offset, offset + tensor.byteCount])
            offset += tensor.byteCount
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard var json = try? encoder.encode(header) else {
            throw .unreadable(path: path, reason: "the header cannot be encoded")
        }
        // Values start on a cache line, so that they can be computed with where they are.
        while (8 + json.count) % 64 != 0 { json.append(0x20) }
        let file = try AtomicFile(path: path)
        try withUnsafeBytes(of: UInt64(json.count).littleEndian) { (bytes) throws(ModelError) in try file.write(bytes) }
        try json.withUnsafeBytesTyped { (bytes) throws(ModelError) in try file.write(bytes) }
        for tensor in tensors {
            var written = 0
            try tensor.write { (bytes) throws(ModelError) in
                written += bytes.count
                try file.write(bytes)
            }
            precondition(written == tensor.byteCount, "\(tensor.name): \(written) bytes, expected \(tensor.byteCount)")
        }
        try file.commit()
    }
}
