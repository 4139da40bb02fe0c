package import Encoder
import FoundationEssentials

/// A text model with the picture or sound tower of another model beside it, in the text model's space: what the tower gives goes through one
/// more product, which starts at random and is there to be trained (docs/training.md).
package struct JoinedModel {
    package private(set) var spec: ModelSpec
    private let parts: [StreamedTensor]
    private let newTensors: [(name: String, shape: [Int])]
    private let tokenizer: String

    /// A model folder of format castor-2, opened for its parts.
    private struct Source {
        let path: String
        let spec: ModelSpec
        let tensors: SafeTensors

        init(_ path: String) throws(CheckpointError) {
            self.path = path
            let folder = HubFolder(path: path)
            let hub = try folder.object(Model.configurationName)
            guard try hub.optionalText("format") == ModelSpec.format else {
                throw .unsupported(
                    "\(path): is no imported model (format \(ModelSpec.format)); only those can be joined")
            }
            do throws(ModelError) {
                let file = try MappedFile(path: "\(path)/\(Model.configurationName)")
                spec = try ModelSpec(json: Data(file.bytes))
                tensors = try SafeTensors(path: "\(path)/\(Model.weightsName)")
                try tensors.requireWideWeights()
            } catch { throw CheckpointError(error) }
        }

        func tensors(where holds: (String) -> Bool) throws(CheckpointError) -> [StreamedTensor] {
            var result: [StreamedTensor] = []
            for (name, _) in spec.tensorShapes() where holds(name) {
                guard let entry = tensors.entries[name] else { throw .tensor(name: name, reason: "is missing") }
                let file = tensors.file
                result.append(
                    StreamedTensor(name: name, type: entry.type, shape: entry.shape) { (sink) throws(ModelError) in
                        try sink(UnsafeRawBufferPointer(rebasing: file.bytes[entry.range]))
                    })
            }
            return result
        }
    }

    /// - Parameters:
    ///   - text: folder of a model of format castor-2 whose texts have vectors of their own
    ///   - image, audio: folders of models whose towers are put beside it
    package init(text: String, image: String?, audio: String?) throws(CheckpointError) {
        let base = try Source(text)
        guard base.spec.body == nil, base.spec.text?.vector != nil else {
            throw .unsupported("\(text): has no texts with vectors of their own, beside which a tower could stand")
        }
        var (spec, parts) = (base.spec, try base.tensors { _ in true })
        var names: [String] = []
        var leastTokens = 0
        if let image {
            let other = try Source(image)
            guard spec.image == nil else { throw .unsupported("\(text): has a picture tower already") }
            guard var tower = other.spec.image, other.spec.body == nil, tower.vector != nil else {
                throw .unsupported("\(image): has no picture tower with vectors of its own")
            }
            names += Self.addHead(&tower.vector, "image", from: other.spec.outputDimensions, to: spec.outputDimensions)
            spec.image = tower
            leastTokens = tower.size(width: 1, height: 1).tokenCount
            parts += try other.tensors { $0.hasPrefix("image.") }
        }
        if let audio {
            let other = try Source(audio)
            guard spec.audio == nil else { throw .unsupported("\(text): has a sound tower already") }
            guard var tower = other.spec.audio, other.spec.body == nil, tower.vector != nil else {
                throw .unsupported("\(audio): has no sound tower with vectors of its own")
            }
            names += Self.addHead(&tower.vector, "audio", from: other.spec.outputDimensions, to: spec.outputDimensions)
            spec.audio = tower
            leastTokens = max(leastTokens, tower.tokenCount(sampleCount: tower.longest))
            parts += try other.tensors { $0.hasPrefix("audio.") }
        }
        // One picture or sound finds room whatever the texts' context is.
        spec.maxTokens = max(spec.maxTokens, leastTokens + spec.sequence.begin.count + spec.sequence.end.count)
        do { try spec.check() } catch { throw CheckpointError(error) }
        self.spec = spec
        self.parts = parts
        let new = Set(names)
        newTensors = spec.tensorShapes().filter { new.contains($0.name) }
        tokenizer = "\(text)/tokenizer.json"
    }

    /// The new product's tensors.
    private static func addHead(_ vector: inout VectorSpec?, _ medium: String, from inputs: Int, to outputs: Int)
        -> [String]
    {
        let index = vector?.head.count ?? 0
        vector?.head.append(DenseSpec(inputs: inputs, outputs: outputs, bias: true))
        return ["\(medium).head.\(index).weight", "\(medium).head.\(index).bias"]
    }

    /// Another name, under which the model is served.
    package mutating func rename(_ name: String) throws(CheckpointError) {
        spec.name = name
        do { try spec.check() } catch { throw CheckpointError(error) }
    }

    /// Names of the tensors that are to be trained.
    package var untrained: [String] { newTensors.map(\.name) }

    /// Makes the folder, whole or not at all. The new products are a pure function of the seed.
    ///
    /// - Parameter check: is called between two pieces; what it throws ends the writing
    package func write(
        to path: String, seed: UInt64, check: @escaping () throws(ModelError) -> Void = { () throws(ModelError) in }
    ) throws(ModelError) {
        let folder = try NewFolder(path: path)
        var random = SplitMix(state: seed)
        var tensors = parts.map { tensor in
            StreamedTensor(name: tensor.name, type: tensor.type, shape: tensor.shape) { (sink) throws(ModelError) in
                try tensor.write { (bytes) throws(ModelError) in
                    try check()
                    try sink(bytes)
                }
            }
        }
        for (name, shape) in newTensors {
            // Rows of about unit length; what is added starts at zero.
            let reach = shape.count == 2 ? (3 / Float(shape[1])).squareRoot() : 0
            let values = (0..<shape.reduce(1, *)).map { _ in reach * (2 * random.uniform() - 1) }
            tensors.append(
                StreamedTensor(name: name, type: .f32, shape: shape) { (sink) throws(ModelError) in
                    let result: Result<Void, ModelError> = values.withUnsafeBytes { bytes in
                        do throws(ModelError) { return .success(try sink(bytes)) } catch { return .failure(error) }
                    }
                    try result.get()
                })
        }
        try SafeTensors.write(
            streaming: tensors, metadata: ["castor.state": "untrained", "castor.seed": "\(seed)"],
            to: "\(folder.temporaryPath)/\(Model.weightsName)")
        try folder.write([UInt8](spec.json), Model.configurationName)
        let file = try MappedFile(path: tokenizer)
        try folder.write(Array(file.bytes), "tokenizer.json")
        try folder.commitModel()
    }
}

extension NewFolder {
    fileprivate func write(_ bytes: [UInt8], _ name: String) throws(ModelError) {
        let file = try AtomicFile(path: "\(temporaryPath)/\(name)")
        let result: Result<Void, ModelError> = bytes.withUnsafeBytes { bytes in
            do throws(ModelError) { return .success(try file.write(bytes)) } catch { return .failure(error) }
        }
        try result.get()
        try file.commit()
    }
}

/// SplitMix64: the same numbers on every machine.
private struct SplitMix {
    var state: UInt64

    /// In 0..<1, 24 random bits.
    mutating func uniform() -> Float {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        z ^= z >> 31
        return Float(z >> 40) * 0x1p-24
    }
}
