import CastorJSON
import Encoder

/// The tensors of a checkpoint, in one safetensors file or several with an index, mapped.
struct CheckpointTensors {
    struct Tensor {
        let name: String
        let type: ScalarType
        let shape: [Int]
        let range: Range<Int>
        /// Keeps the mapping alive.
        let file: MappedFile

        var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: file.bytes[range]) }
    }

    /// Where they are.
    let folder: HubFolder
    private let files: [SafeTensors]
    private let places: [String: Int]

    private static let maxFiles = 1_000

    init(_ folder: HubFolder) throws(CheckpointError) {
        var names = ["model.safetensors"]
        if !folder.exists(names[0]), let index = try folder.optionalObject("model.safetensors.index.json") {
            names = Array(Set(index.textsByName("weight_map").values)).sorted()
            guard (1...Self.maxFiles).contains(names.count) else {
                throw index.failure("weight_map", "names \(names.count) files, expected 1 to \(Self.maxFiles)")
            }
            for name in names where name.contains("/") {
                throw index.failure("weight_map", "\"\(name)\" is not a file of the folder")
            }
        }
        var files: [SafeTensors] = []
        var places: [String: Int] = [:]
        for name in names {
            do { files.append(try SafeTensors(path: "\(folder.path)/\(name)")) } catch { throw CheckpointError(error) }
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

    func has(_ name: String) -> Bool { places[name] != nil }

    var names: Dictionary<String, Int>.Keys { places.keys }

    func tensor(_ name: String) throws(CheckpointError) -> Tensor {
        guard let place = places[name], let entry = files[place].entries[name] else {
            throw .tensor(name: name, reason: "is missing")
        }
        return Tensor(
            name: name, type: entry.type, shape: entry.shape, range: entry.range, file: files[place].file)
    }
}
