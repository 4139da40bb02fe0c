import Encoder

/// Where a tensor of the model comes from: tensors of the checkpoint whose rows follow each other.
struct TensorPlan {
    private struct Piece {
        let tensor: CheckpointTensors.Tensor
        /// Bytes of the tensor that are taken.
        let bytes: Range<Int>
    }

    let name: String
    let type: ScalarType
    let shape: [Int]
    private let pieces: [Piece]
    private let making: TensorMaking?
    private let gathered: GatheredRows?

    /// Of the tensor as it is written.
    var byteCount: Int { shape.reduce(type.byteCount, *) }

    var streamed: StreamedTensor {
        StreamedTensor(name: name, type: type, shape: shape) { (sink) throws(ModelError) in
            func checked(_ bytes: UnsafeRawBufferPointer) throws(ModelError) {
                guard type.areFinite(bytes) else {
                    throw .tensor(name: name, reason: "holds a value that is not finite")
                }
                try sink(bytes)
            }
            if let gathered { return try gathered.write(checked) }
            if let making {
                try making.write(pieces.map(\.tensor), count: shape.reduce(1, *), checked)
                return
            }
            for piece in pieces { try piece.tensor.read(piece.bytes, checked) }
        }
    }

    /// - Parameters:
    ///   - rows: of the one source that are taken; nil for all
    ///   - lengths: rows of each source, where there are more than one
    init(
        _ name: String, _ shape: [Int], _ sources: [String], rows: Range<Int>? = nil, lengths: [Int]? = nil,
        in tensors: CheckpointTensors
    ) throws(CheckpointError) {
        var pieces: [Piece] = []
        for (index, source) in sources.enumerated() {
            let tensor = try tensors.tensor(source)
            if let lengths, tensor.shape.first != lengths[index] {
                throw .tensor(name: source, reason: "has shape \(tensor.shape), \(lengths[index]) rows are wanted")
            }
            guard tensor.type.isOfWeights else {
                throw .tensor(name: source, reason: "has dtype \(tensor.type.rawValue), weights are F32, F16 or BF16")
            }
            guard pieces.isEmpty || tensor.type == pieces[0].tensor.type else {
                throw .tensor(
                    name: source,
                    reason: "is \(tensor.type.rawValue), the tensor beside it \(pieces[0].tensor.type.rawValue)")
            }
            var bytes = 0..<tensor.byteCount
            if let rows {
                guard let count = tensor.shape.first, rows.upperBound <= count, count > 0 else {
                    throw .tensor(name: source, reason: "has shape \(tensor.shape), rows \(rows) are wanted")
                }
                let length = tensor.byteCount / count
                bytes = rows.lowerBound * length..<rows.upperBound * length
            }
            if shape.count == 1, rows == nil, tensor.shape.count(where: { $0 != 1 }) > 1 {
                throw .tensor(
                    name: source, reason: "has shape \(tensor.shape), \(shape[0]) values in one row are wanted")
            }
            if shape.count == 2, !Self.isOfRows(tensor.shape, of: shape[1]) {
                throw .tensor(name: source, reason: "has shape \(tensor.shape), \(shape[1]) columns are wanted")
            }
            pieces.append(Piece(tensor: tensor, bytes: bytes))
        }
        guard let type = pieces.first?.tensor.type else { throw .tensor(name: name, reason: "has no source") }
        let count = pieces.reduce(0) { $0 + $1.bytes.count } / type.byteCount
        guard count == shape.reduce(1, *) else {
            throw .tensor(
                name: sources.joined(separator: " + "), reason: "\(count) values, the configuration says \(shape)")
        }
        self.name = name
        self.type = type
        self.shape = shape
        self.pieces = pieces
        making = nil
        gathered = nil
    }

    /// A tensor of single precision, computed of its sources when it is written.
    init(
        _ name: String, _ shape: [Int], _ sources: [String], _ making: TensorMaking, in tensors: CheckpointTensors
    ) throws(CheckpointError) {
        guard sources.count == making.shapes.count else {
            throw .tensor(name: name, reason: "has \(sources.count) sources, \(making.shapes.count) are wanted")
        }
        var pieces: [Piece] = []
        for (source, wanted) in zip(sources, making.shapes) {
            let tensor = try tensors.tensor(source)
            guard tensor.type.isOfWeights else {
                throw .tensor(name: source, reason: "has dtype \(tensor.type.rawValue), weights are F32, F16 or BF16")
            }
            guard tensor.shape == wanted else {
                throw .tensor(name: source, reason: "has shape \(tensor.shape), \(wanted) is wanted")
            }
            pieces.append(Piece(tensor: tensor, bytes: 0..<tensor.byteCount))
        }
        self.name = name
        type = .f32
        self.shape = shape
        self.pieces = pieces
        self.making = making
        gathered = nil
    }

    /// A table of rows of another.
    init(_ name: String, _ rows: GatheredRows) {
        self.name = name
        type = rows.type
        shape = [rows.count, rows.columns]
        pieces = []
        making = nil
        gathered = rows
    }

    /// Whether the last axes of a tensor make rows of so many values: a matrix's second, or those of a convolution's kernel together.
    private static func isOfRows(_ shape: [Int], of columns: Int) -> Bool {
        guard shape.count >= 2 else { return false }
        var product = 1
        for length in shape.dropFirst().reversed() {
            // An empty tensor may have axes whose product is too large for a number.
            let (next, overflow) = product.multipliedReportingOverflow(by: length)
            if overflow { return false }
            product = next
            if product == columns { return true }
        }
        return false
    }
}

extension ScalarType {
    /// Whether no value is infinite or none; of whole values of the type.
    fileprivate func areFinite(_ bytes: UnsafeRawBufferPointer) -> Bool {
        switch self {
        case .f32: Self.have(bytes, UInt32.self, exponent: 0x7f80_0000)
        case .bf16: Self.have(bytes, UInt16.self, exponent: 0x7f80)
        case .f16: Self.have(bytes, UInt16.self, exponent: 0x7c00)
        default: true
        }
    }

    /// Whether no value has all bits of the exponent.
    private static func have<Bits: FixedWidthInteger & UnsignedInteger>(
        _ bytes: UnsafeRawBufferPointer, _ type: Bits.Type, exponent: Bits
    ) -> Bool {
        let size = MemoryLayout<Bits>.size
        var bad: Bits = 0
        for index in 0..<bytes.count / size {
            let bits = bytes.loadUnaligned(fromByteOffset: index * size, as: Bits.self) & exponent
            bad |= bits == exponent ? 1 : 0
        }
        return bad == 0
    }
}
