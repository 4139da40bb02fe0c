package import Encoder
import FoundationEssentials

/// An open checkpoint, read and understood: what `castor import` writes as a model folder.
package struct Checkpoint {
    package let spec: ModelSpec
    private let plans: [TensorPlan]
    private let tokenizer: HubFolder?

    /// Reads configuration and headers; tensors stay in their files, mapped.
    ///
    /// - Parameter media: whose towers are left out, with their tensors
    package init(path: String, without media: Set<Modality> = []) throws(CheckpointError) {
        let folder = HubFolder(path: path)
        let modules = try SentenceModules(folder)
        let hub = try modules.body.object("config.json")
        let tensors = try CheckpointTensors(modules.body)
        var family = try Family.plan(hub, tensors)
        for medium in media { family.leaveOut(medium) }

        var text = family.text
        if text?.vector == nil, family.body == nil {
            text?.vector = VectorSpec(modules.pooling ?? family.pooling, head: modules.dense.map(\.spec))
        }
        let vector = family.body?.vector ?? text?.vector ?? family.image?.vector ?? family.audio?.vector
        let width =
            family.body?.stack.width ?? text?.stack?.width ?? text?.width ?? family.image?.width ?? family.audio?.width
        let outputs = vector?.head.last?.outputs ?? width ?? 0
        var spec = ModelSpec(
            name: Self.name(path), family: try hub.optionalText("model_type") ?? "",
            maxTokens: min(family.maxTokens, modules.maxTokens ?? family.maxTokens), outputDimensions: outputs,
            sequence: text == nil ? SequenceSpec() : try SequenceTemplate(modules.body).spec)
        spec.sequence.picture = family.image == nil ? nil : family.pictureMarks
        spec.sequence.sound = family.audio == nil ? nil : family.soundMarks
        spec.text = text
        spec.image = family.image
        spec.audio = family.audio
        spec.body = family.body
        spec.prompts = modules.prompts
        do { try spec.check() } catch { throw CheckpointError(error) }
        self.spec = spec

        var heads: [String: CheckpointTensors] = [:]
        if let text = family.text, text.vector == nil, family.body == nil {
            for (index, dense) in modules.dense.enumerated() {
                heads["text.head.\(index)."] = try CheckpointTensors(dense.folder)
            }
        }
        plans = try spec.tensorShapes().map { (name, shape) throws(CheckpointError) in
            if let head = heads.first(where: { name.hasPrefix($0.key) }) {
                return try TensorPlan(name, shape, ["linear.\(name.dropFirst(head.key.count))"], in: head.value)
            }
            return try family.plan(name, shape, tensors)
        }
        tokenizer = text == nil ? nil : modules.body
    }

    /// Writes the folder: configuration, weights in the format that they came in, tokenizer.
    package func write(to path: String) throws(ModelError) {
        try SafeTensors.write(
            streaming: plans.map(\.streamed), metadata: ["castor.state": "trained"], to: "\(path)/\(Model.weightsName)")
        try Self.write(spec.json, to: "\(path)/\(Model.configurationName)")
        guard let tokenizer else { return }
        let file = try MappedFile(path: "\(tokenizer.path)/tokenizer.json")
        let copy = try AtomicFile(path: "\(path)/tokenizer.json")
        try copy.write(file.bytes)
        try copy.commit()
    }

    private static func write(_ data: Data, to path: String) throws(ModelError) {
        let file = try AtomicFile(path: path)
        let bytes = [UInt8](data)
        let result: Result<Void, ModelError> = bytes.withUnsafeBytes { bytes in
            do throws(ModelError) { return .success(try file.write(bytes)) } catch { return .failure(error) }
        }
        try result.get()
        try file.commit()
    }

    private static func name(_ path: String) -> String {
        let last = path.split(separator: "/").last.map(String.init) ?? ""
        return last.isEmpty || last == "." || last == ".." ? "imported" : last
    }
}

extension FamilyPlan {
    func plan(
        _ name: String, _ shape: [Int], _ tensors: CheckpointTensors
    ) throws(CheckpointError) -> TensorPlan {
        for names in names {
            if let (source, layer) = names.slice(of: name) {
                let rows = layer * shape[0]..<(layer + 1) * shape[0]
                return try TensorPlan(name, shape, [prefix + source], rows: rows, in: tensors)
            }
            guard let sources = names.sources(of: name) else { continue }
            if let making = names.making(of: name) {
                return try TensorPlan(name, shape, sources.map { prefix + $0 }, making, in: tensors)
            }
            let rows = names.firstRows.contains(name) ? 0..<1 : nil
            return try TensorPlan(name, shape, sources.map { prefix + $0 }, rows: rows, in: tensors)
        }
        throw .unsupported("the family has no name for the tensor \(name)")
    }
}
