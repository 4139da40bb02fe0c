import Encoder

/// A table whose row i is row `places[i]` of another, times `weights[i]`: how model2vec writes a vocabulary of fewer vectors than tokens.
struct GatheredRows {
    let count: Int
    /// Values of a row.
    let columns: Int
    private let table: CheckpointTensors.Tensor
    private let places: CheckpointTensors.Tensor?
    private let weights: CheckpointTensors.Tensor?

    /// Bytes that are made at a time.
    private static let piece = 1 << 20

    init(
        _ table: CheckpointTensors.Tensor, places: CheckpointTensors.Tensor?, weights: CheckpointTensors.Tensor?
    ) throws(CheckpointError) {
        guard table.shape.count == 2, table.shape[0] > 0, table.shape[1] > 0 else {
            throw .tensor(name: table.name, reason: "has shape \(table.shape), a table of vectors has two axes")
        }
        for tensor in [table, places, weights] {
            guard let tensor, tensor.isTransposed else { continue }
            throw .tensor(
                name: tensor.name, reason: "is stored column by column; tensor.contiguous() before torch.save")
        }
        count = places?.shape.first ?? table.shape[0]
        columns = table.shape[1]
        self.table = table
        self.places = places
        self.weights = weights
        try Self.check(table, [.f32, .f16, .bf16, .f64, .i8], shape: table.shape)
        if let places {
            try Self.check(places, [.i64, .i32, .u32, .i16, .u16, .u8], shape: [count])
            for index in 0..<count {
                let place = places.whole(at: index)
                guard 0..<table.shape[0] ~= place else {
                    throw .tensor(
                        name: places.name, reason: "holds \(place), \(table.name) has \(table.shape[0]) rows")
                }
            }
        }
        if let weights { try Self.check(weights, [.f32, .f16, .bf16, .f64], shape: [count]) }
    }

    private static func check(
        _ tensor: CheckpointTensors.Tensor, _ types: [ScalarType], shape: [Int]
    ) throws(CheckpointError) {
        guard types.contains(tensor.type) else {
            throw .tensor(
                name: tensor.name,
                reason: "has dtype \(tensor.type.rawValue), supported: \(types.map(\.rawValue).joined(separator: ", "))"
            )
        }
        guard tensor.shape == shape else {
            throw .tensor(name: tensor.name, reason: "has shape \(tensor.shape), \(shape) is wanted")
        }
    }

    /// Values stay as they are where they only change their places.
    var type: ScalarType { weights == nil && table.type.isOfWeights ? table.type : .f32 }

    func write(_ sink: (UnsafeRawBufferPointer) throws(ModelError) -> Void) throws(ModelError) {
        let length = columns * type.byteCount
        let most = max(1, Self.piece / length)
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: min(most, count) * length, alignment: 8)
        defer { room.deallocate() }
        for start in stride(from: 0, to: count, by: most) {
            let rows = start..<min(start + most, count)
            for row in rows { copyRow(row, to: room.baseAddress! + (row - rows.lowerBound) * length) }
            try sink(UnsafeRawBufferPointer(rebasing: room[..<(rows.count * length)]))
        }
    }

    private func copyRow(_ row: Int, to target: UnsafeMutableRawPointer) {
        let first = (places?.whole(at: row) ?? row) * columns
        if type == table.type, weights == nil {
            target.copyMemory(from: table.value(at: first), byteCount: columns * type.byteCount)
            return
        }
        let weight = weights?.number(at: row) ?? 1
        for column in 0..<columns {
            target.storeBytes(
                of: Float(table.number(at: first + column) * weight), toByteOffset: 4 * column, as: Float.self)
        }
    }
}

extension CheckpointTensors.Tensor {
    fileprivate func value(at index: Int) -> UnsafeRawPointer {
        file.bytes.baseAddress! + range.lowerBound + index * type.byteCount
    }

    fileprivate func whole(at index: Int) -> Int {
        let value = value(at: index)
        return switch type {
        case .i64: Int(value.loadUnaligned(as: Int64.self))
        case .i32: Int(value.loadUnaligned(as: Int32.self))
        case .u32: Int(value.loadUnaligned(as: UInt32.self))
        case .i16: Int(value.loadUnaligned(as: Int16.self))
        case .u16: Int(value.loadUnaligned(as: UInt16.self))
        case .u8: Int(value.loadUnaligned(as: UInt8.self))
        default: preconditionFailure("whole numbers of another type")
        }
    }

    fileprivate func number(at index: Int) -> Double {
        let value = value(at: index)
        switch type {
        case .f64: return value.loadUnaligned(as: Double.self)
        case .f32: return Double(value.loadUnaligned(as: Float.self))
        case .i8: return Double(value.loadUnaligned(as: Int8.self))
        default:
            var single: Float = 0
            widen(value, type, into: &single, count: 1)
            return Double(single)
        }
    }
}
