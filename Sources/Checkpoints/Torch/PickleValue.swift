import Encoder

/// What a pickled state dict is made of. Nothing of it can do anything.
enum PickleValue {
    case none
    case flag(Bool)
    case whole(Int)
    case text(String)
    case name(TorchName)
    case storage(TorchStorage)
    case tensor(TorchTensor)
    case tuple([PickleValue], depth: Int)
    /// A dictionary, of which the tensors with a name are kept.
    case table([String: TorchTensor])
    /// What no tensor depends on: lists, numbers with a fraction, dictionaries inside of others.
    case other

    var depth: Int { if case .tuple(_, let depth) = self { depth } else { 0 } }

    /// As it is read again from the memo: a dictionary has no second place.
    var remembered: PickleValue { if case .table = self { .other } else { self } }
}

/// The names that a state dict may use. Any other is an error, whatever it stands for.
enum TorchName: Equatable {
    case orderedDictionary, tensor, parameter
    case storage(ScalarType)

    init?(module: String, name: String) {
        switch (module, name) {
        case ("collections", "OrderedDict"): self = .orderedDictionary
        case ("torch._utils", "_rebuild_tensor_v2"): self = .tensor
        case ("torch._utils", "_rebuild_parameter"): self = .parameter
        case ("torch", _):
            guard let type = Self.storages[name] else { return nil }
            self = .storage(type)
        default: return nil
        }
    }

    private static let storages: [String: ScalarType] = [
        "DoubleStorage": .f64, "FloatStorage": .f32, "HalfStorage": .f16, "BFloat16Storage": .bf16,
        "LongStorage": .i64, "IntStorage": .i32, "ShortStorage": .i16, "CharStorage": .i8, "ByteStorage": .u8,
        "BoolStorage": .bool,
    ]
}

/// Values of one type in a member of the file.
final class TorchStorage {
    let type: ScalarType
    /// The name of its member.
    let key: String
    /// How many values the pickle says that there are.
    let count: Int

    init(type: ScalarType, key: String, count: Int) {
        self.type = type
        self.key = key
        self.count = count
    }
}

/// Some values of a storage. They lie inside it.
final class TorchTensor {
    enum Layout {
        case rows
        /// A matrix whose columns follow each other.
        case columns
        case other(strides: [Int])
    }

    let storage: TorchStorage
    let offset: Int
    let shape: [Int]
    let count: Int
    let layout: Layout

    /// - Returns: nil where the values would lie outside the storage
    init?(_ storage: TorchStorage, offset: Int, shape: [Int], strides: [Int]) {
        guard shape.count == strides.count, shape.count <= 8, offset >= 0, (shape + strides).allSatisfy({ $0 >= 0 })
        else { return nil }
        // Of a tensor without values too, so that nothing else need be afraid of its shape.
        var length = 1
        for axis in shape {
            let (product, overflow) = length.multipliedReportingOverflow(by: max(axis, 1))
            guard !overflow else { return nil }
            length = product
        }
        let count = shape.contains(0) ? 0 : length
        var last = offset
        if count > 0 {
            for (axis, stride) in zip(shape, strides) {
                let (step, overflow) = (axis - 1).multipliedReportingOverflow(by: stride)
                let (sum, sumOverflow) = last.addingReportingOverflow(step)
                guard !overflow, !sumOverflow else { return nil }
                last = sum
            }
            guard last < storage.count else { return nil }
        }
        guard offset <= storage.count else { return nil }
        self.storage = storage
        self.offset = offset
        self.shape = shape
        self.count = count
        layout = count < 2 ? .rows : Self.layout(shape, strides)
    }

    private static func layout(_ shape: [Int], _ strides: [Int]) -> Layout {
        var wanted = 1
        var isRows = true
        for (axis, stride) in zip(shape, strides).reversed() where axis > 1 {
            if stride != wanted { isRows = false }
            wanted *= axis
        }
        if isRows { return .rows }
        return shape.count == 2 && strides == [1, shape[0]] ? .columns : .other(strides: strides)
    }
}
