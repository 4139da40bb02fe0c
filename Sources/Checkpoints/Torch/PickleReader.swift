import Encoder

/// Why a pickle is not read.
struct PickleProblem: Error {
    let reason: String
    /// Of the instruction.
    let position: Int
}

/// Reads the pickle of a state dict: a program for a machine with a stack, of which this is the part that `torch.save` uses for names and
/// tensors. It executes nothing: the few names that it knows (``TorchName``) are values, and every other name, instruction or use is an error.
///
/// Every instruction adds one value at most, so that memory is bounded by the pickle's length; stack, memo and depth have bounds of their own.
struct PickleReader {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0
    /// Of the instruction that is carried out.
    private var start = 0
    private var stack: [PickleValue] = []
    /// Heights of the stack.
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]

    private static let maxStack = 1 << 16
    private static let maxMemo = 1 << 20
    private static let maxDepth = 8

    /// The tensors of the dictionary that the pickle makes, by their names.
    static func tensors(_ bytes: UnsafeRawBufferPointer) throws(PickleProblem) -> [String: TorchTensor] {
        var reader = PickleReader(bytes)
        return try reader.run()
    }

    private init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    private func failure(_ reason: String) -> PickleProblem { PickleProblem(reason: reason, position: start) }

    private mutating func run() throws(PickleProblem) -> [String: TorchTensor] {
        while true {
            start = position
            let code = UInt8(try number(UInt8.self))
            guard let instruction = Instruction(rawValue: code) else {
                throw failure("the instruction \(code) is not one that torch.save writes for a state dict")
            }
            if instruction == .stop { break }
            try carryOut(instruction)
            guard stack.count <= Self.maxStack, memo.count <= Self.maxMemo, marks.count <= Self.maxStack else {
                throw failure("it holds more values at once than a state dict")
            }
        }
        guard case .table(let tensors) = try pop(), stack.isEmpty, marks.isEmpty else {
            throw failure("it is not a dictionary of tensors")
        }
        return tensors
    }

    private enum Instruction: UInt8 {
        case mark = 0x28, stop = 0x2e, reduce = 0x52, build = 0x62, name = 0x63
        case none = 0x4e, newTrue = 0x88, newFalse = 0x89
        case whole4 = 0x4a, whole1 = 0x4b, whole2 = 0x4d, long1 = 0x8a, fraction = 0x47
        case text = 0x58, persistent = 0x51
        case emptyTuple = 0x29, tuple = 0x74, tuple1 = 0x85, tuple2 = 0x86, tuple3 = 0x87
        case emptyTable = 0x7d, setItem = 0x73, setItems = 0x75
        case emptyList = 0x5d, append = 0x61, appends = 0x65
        case get1 = 0x68, get4 = 0x6a, put1 = 0x71, put4 = 0x72
        case version = 0x80
    }

    private mutating func carryOut(_ instruction: Instruction) throws(PickleProblem) {
        switch instruction {
        case .stop: break
        case .version:
            let version = try number(UInt8.self)
            guard version == 2 else {
                throw failure("it has pickle protocol \(version), torch.save writes protocol 2")
            }
        case .mark: marks.append(stack.count)
        case .none: stack.append(.none)
        case .newTrue: stack.append(.flag(true))
        case .newFalse: stack.append(.flag(false))
        case .whole1: stack.append(.whole(try number(UInt8.self)))
        case .whole2: stack.append(.whole(try number(UInt16.self)))
        case .whole4: stack.append(.whole(try number(Int32.self)))
        case .long1: stack.append(try long())
        case .fraction:
            _ = try take(8)
            stack.append(.other)
        case .text:
            let length = try number(UInt32.self)
            stack.append(.text(try text(try take(length))))
        case .name: stack.append(.name(try name()))
        case .persistent: stack.append(.storage(try storage(try pop())))
        case .emptyTuple: stack.append(.tuple([], depth: 1))
        case .tuple: try makeTuple(try popMarked())
        case .tuple1: try makeTuple(try pop(1))
        case .tuple2: try makeTuple(try pop(2))
        case .tuple3: try makeTuple(try pop(3))
        case .emptyTable: stack.append(.table([:]))
        case .emptyList: stack.append(.other)
        case .setItem: try setItems(try pop(2))
        case .setItems: try setItems(try popMarked())
        case .append: _ = try pop(1)
        case .appends: _ = try popMarked()
        case .get1: try recall(try number(UInt8.self))
        case .get4: try recall(try number(UInt32.self))
        case .put1: memo[try number(UInt8.self)] = try top().remembered
        case .put4: memo[try number(UInt32.self)] = try top().remembered
        case .reduce:
            let arguments = try pop()
            stack.append(try call(try pop(), arguments))
        case .build:
            // Attributes, as the versions of modules.
            _ = try pop()
            guard case .table = try top() else { throw failure("it sets the state of something that is no dictionary") }
        }
    }

    // MARK: - Bytes

    private mutating func take(_ count: Int) throws(PickleProblem) -> UnsafeRawBufferPointer {
        guard count <= bytes.count - position else { throw failure("it ends in the middle of an instruction") }
        position += count
        return UnsafeRawBufferPointer(rebasing: bytes[position - count..<position])
    }

    private mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) throws(PickleProblem) -> Int {
        let bytes = try take(MemoryLayout<Number>.size)
        return Int(Number(littleEndian: bytes.loadUnaligned(as: Number.self)))
    }

    /// A whole number of so many bytes as it says.
    private mutating func long() throws(PickleProblem) -> PickleValue {
        let bytes = try take(try number(UInt8.self))
        // No size, but perhaps a number that nothing depends on.
        guard bytes.count <= 8 else { return .other }
        var value: UInt64 = bytes.last.map { $0 & 0x80 != 0 } == true ? .max : 0
        for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
        return .whole(Int(Int64(bitPattern: value)))
    }

    private func text(_ bytes: UnsafeRawBufferPointer) throws(PickleProblem) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw failure("a text is not UTF-8") }
        return text
    }

    private mutating func line() throws(PickleProblem) -> String {
        let rest = bytes[position...].prefix(1_024)
        guard let end = rest.firstIndex(of: 10) else { throw failure("a name has no end") }
        let line = try text(try take(end - position))
        position += 1
        return line
    }

    // MARK: - The stack

    private mutating func pop() throws(PickleProblem) -> PickleValue {
        guard stack.count > marks.last ?? 0, let value = stack.popLast() else { throw failure("its stack is empty") }
        return value
    }

    private mutating func pop(_ count: Int) throws(PickleProblem) -> [PickleValue] {
        guard stack.count - count >= marks.last ?? 0 else { throw failure("its stack is empty") }
        let values = Array(stack.suffix(count))
        stack.removeLast(count)
        return values
    }

    private mutating func popMarked() throws(PickleProblem) -> [PickleValue] {
        guard let mark = marks.last else { throw failure("it has no mark") }
        let values = try pop(stack.count - mark)
        marks.removeLast()
        return values
    }

    private func top() throws(PickleProblem) -> PickleValue {
        guard stack.count > marks.last ?? 0, let value = stack.last else { throw failure("its stack is empty") }
        return value
    }

    private mutating func recall(_ index: Int) throws(PickleProblem) {
        guard let value = memo[index] else { throw failure("it looks for the value \(index) before it was kept") }
        stack.append(value)
    }

    private mutating func makeTuple(_ values: [PickleValue]) throws(PickleProblem) {
        let depth = 1 + (values.map(\.depth).max() ?? 0)
        guard depth <= Self.maxDepth else { throw failure("its tuples are nested more than \(Self.maxDepth) deep") }
        stack.append(.tuple(values, depth: depth))
    }

    private mutating func setItems(_ items: [PickleValue]) throws(PickleProblem) {
        guard items.count % 2 == 0 else { throw failure("a dictionary's key has no value") }
        guard case .table(var table) = try top() else {
            // A dictionary that was read again, or something else; no tensor of the result is in it.
            if case .other = try top() { return }
            throw failure("it sets an item of something that is no dictionary")
        }
        stack[stack.count - 1] = .none
        for index in stride(from: 0, to: items.count, by: 2) {
            guard case .text(let name) = items[index], case .tensor(let tensor) = items[index + 1] else { continue }
            guard table.updateValue(tensor, forKey: name) == nil else {
                throw failure("the tensor \(name) is there twice")
            }
        }
        stack[stack.count - 1] = .table(table)
    }

    // MARK: - Names and what they make

    private mutating func name() throws(PickleProblem) -> TorchName {
        let module = try line()
        let name = try line()
        guard let known = TorchName(module: module, name: name) else {
            throw failure("it names \(module).\(name), which is not among what a state dict of tensors needs")
        }
        return known
    }

    /// Of `("storage", type, key, device, count)`.
    private func storage(_ value: PickleValue) throws(PickleProblem) -> TorchStorage {
        guard case .tuple(let parts, _) = value, parts.count == 5, case .text("storage") = parts[0],
            case .name(.storage(let type)) = parts[1], case .text(let key) = parts[2],
            case .whole(let count) = parts[4],
            0...Int.max / 8 ~= count
        else { throw failure("it names a storage otherwise than torch.save does") }
        return TorchStorage(type: type, key: key, count: count)
    }

    private func call(_ callee: PickleValue, _ arguments: PickleValue) throws(PickleProblem) -> PickleValue {
        guard case .name(let name) = callee, case .tuple(let arguments, _) = arguments else {
            throw failure("it calls something that is not a function of torch's")
        }
        switch name {
        case .orderedDictionary where arguments.isEmpty: return .table([:])
        case .parameter where arguments.count == 3:
            if case .tensor(let tensor) = arguments[0] { return .tensor(tensor) }
        case .tensor where 6...7 ~= arguments.count: return .tensor(try tensor(arguments))
        default: break
        }
        throw failure("it makes a \(name) otherwise than torch.save does")
    }

    private func tensor(_ arguments: [PickleValue]) throws(PickleProblem) -> TorchTensor {
        guard case .storage(let storage) = arguments[0], case .whole(let offset) = arguments[1],
            let shape = Self.wholes(arguments[2]), let strides = Self.wholes(arguments[3])
        else { throw failure("it makes a tensor otherwise than torch.save does") }
        guard let tensor = TorchTensor(storage, offset: offset, shape: shape, strides: strides) else {
            throw failure(
                "a tensor of shape \(shape), strides \(strides) and offset \(offset) lies outside its storage of \(storage.count) values"
            )
        }
        return tensor
    }

    private static func wholes(_ value: PickleValue) -> [Int]? {
        guard case .tuple(let parts, _) = value else { return nil }
        var wholes: [Int] = []
        for part in parts {
            guard case .whole(let whole) = part else { return nil }
            wholes.append(whole)
        }
        return wholes
    }
}
