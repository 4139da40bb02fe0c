import CastorJSON
import Encoder

/// The tensors of a checkpoint, in one file or several with an index, mapped. As in `transformers`, safetensors go before torch's own files.
struct CheckpointTensors {
    struct Tensor {
        let name: String
        let type: ScalarType
        let shape: [Int]
        let range: Range<Int>
        /// Whether it is a matrix whose columns follow each other in the file.
        let isTransposed: Bool
        /// Keeps the mapping alive.
        let file: MappedFile

        var byteCount: Int { range.count }
    }

    /// Where they are.
    let folder: HubFolder
    private let files: [TensorFile]
    private let places: [String: Int]

    private static let maxFiles = 1_000
    private static let wholeNames = ["model.safetensors", "pytorch_model.bin"]

    init(_ folder: HubFolder) throws(CheckpointError) {
        var files: [TensorFile] = []
        var places: [String: Int] = [:]
        for name in try Self.names(folder) {
            files.append(try TensorFile(name, in: folder))
            for tensor in files[files.count - 1].entries.keys {
                guard places.updateValue(files.count - 1, forKey: tensor) == nil else {
                    throw .tensor(name: tensor, reason: "is in two files")
                }
            }
        }
        self.folder = folder
        self.files = files
        self.places = places
    }

    /// Throws where a file was written to since it was opened.
    func checkUnchanged() throws(ModelError) {
        for file in files { try file.file.checkUnchanged(strictly: true) }
    }

    private static func names(_ folder: HubFolder) throws(CheckpointError) -> [String] {
        for whole in wholeNames {
            if folder.exists(whole) { return [whole] }
            guard let index = try folder.optionalObject("\(whole).index.json") else { continue }
            let names = Array(Set(index.textsByName("weight_map").values)).sorted()
            guard (1...maxFiles).contains(names.count) else {
                throw index.failure("weight_map", "names \(names.count) files, expected 1 to \(maxFiles)")
            }
            let ending = whole.split(separator: ".").last.map { ".\($0)" } ?? ""
            for name in names {
                guard !name.contains("/") else {
                    throw index.failure("weight_map", "\"\(name)\" is not a file of the folder")
                }
                guard name.hasSuffix(ending) else {
                    throw index.failure("weight_map", "\"\(name)\" is not a file of the kind \(ending)")
                }
            }
            return names
        }
        // What the folder has instead, of what hubs keep.
        for name in ["tf_model.h5", "flax_model.msgpack", "model.onnx", "onnx/model.onnx", "openvino_model.xml"] {
            guard folder.exists(name) else { continue }
            throw .unsupported("\(folder.path)/\(name): weights are read from safetensors and pytorch_model.bin alone")
        }
        throw .notFound(path: "\(folder.path)/\(wholeNames[0])")
    }

    func has(_ name: String) -> Bool { places[name] != nil }

    var names: Dictionary<String, Int>.Keys { places.keys }

    /// Of all files.
    var byteCount: Int { files.reduce(0) { $0 + $1.file.bytes.count } }

    func tensor(_ name: String) throws(CheckpointError) -> Tensor {
        guard let place = places[name], let entry = files[place].entries[name] else {
            throw .tensor(name: name, reason: "is missing")
        }
        var isTransposed = false
        switch entry.layout {
        case .rows: break
        case .columns: isTransposed = true
        case .other(let strides):
            throw .tensor(
                name: name,
                reason:
                    "of shape \(entry.shape) is stored with strides \(strides); tensor.contiguous() before torch.save")
        }
        return Tensor(
            name: name, type: entry.type, shape: entry.shape, range: entry.range, isTransposed: isTransposed,
            file: files[place].file)
    }
}

extension CheckpointTensors.Tensor {
    /// Bytes that are handed on at a time; whole values of every type.
    private static let piece = 1 << 20

    /// Hands some of its bytes, in the order of rows, to the sink: those of the file, or where its columns follow each other there, copies.
    ///
    /// - Parameter part: whole rows
    func read(
        _ part: Range<Int>, _ sink: (UnsafeRawBufferPointer) throws(ModelError) -> Void
    ) throws(ModelError) {
        let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[range])
        defer { file.discard(range) }
        guard isTransposed else {
            // A file may be larger than the memory.
            for start in stride(from: part.lowerBound, to: part.upperBound, by: Self.piece) {
                let end = min(start + Self.piece, part.upperBound)
                try sink(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
                file.discard(range.lowerBound + start..<range.lowerBound + end)
            }
            return
        }
        let (count, columns, size) = (shape[0], shape[1], type.byteCount)
        let rowLength = columns * size
        precondition(part.lowerBound % rowLength == 0 && part.upperBound % rowLength == 0, "part of a row")
        let most = max(1, Self.piece / rowLength)
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: min(most, count) * rowLength, alignment: 8)
        defer { room.deallocate() }
        var row = part.lowerBound / rowLength
        let end = part.upperBound / rowLength
        while row < end {
            let rows = min(most, end - row)
            for column in 0..<columns {
                let source = bytes.baseAddress! + (column * count + row) * size
                for index in 0..<rows {
                    (room.baseAddress! + index * rowLength + column * size).copyMemory(
                        from: source + index * size, byteCount: size)
                }
            }
            try sink(UnsafeRawBufferPointer(rebasing: room[..<(rows * rowLength)]))
            row += rows
        }
    }
}
