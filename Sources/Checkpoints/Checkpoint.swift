import CastorJSON
package import Encoder
import FoundationEssentials

/// An open checkpoint, read and understood: what `castor import` writes as a model folder.
package struct Checkpoint {
    /// Name and prompts may be changed before it is written.
    package private(set) var spec: ModelSpec
    private let plans: [TensorPlan]
    private let tokenizer: HubFolder?

    /// Reads configuration and headers; tensors stay in their files, mapped.
    ///
    /// - Parameter media: whose towers are left out, with their tensors
    package init(path: String, without media: Set<Modality> = []) throws(CheckpointError) {
        let folder = HubFolder(path: path)
        if (try? MappedFile(path: path)) != nil {
            throw .unsupported("\(path) is a file; a checkpoint is a folder, and GGUF files are not read")
        }
        let modules = try SentenceModules(folder)
        let hub =
            modules.isStatic && !modules.body.exists("config.json")
            ? try HubConfiguration(.object([:]), file: "config.json") : try modules.body.object("config.json")
        if !modules.isStatic { try Family.check(hub) }
        let tensors = try CheckpointTensors(modules.body)
        var family = modules.isStatic ? try StaticTable.plan(hub, tensors) : try Family.plan(hub, tensors)
        for medium in media.sorted(by: { $0.rawValue < $1.rawValue }) {
            guard family.has(medium) else {
                throw .unsupported("the model has no \(medium) tower to leave out")
            }
            family.leaveOut(medium)
        }

        var text = family.text
        if text != nil, text?.vector == nil, family.body == nil {
            guard modules.pooling != nil || !modules.saysAll || modules.isStatic else {
                throw .unsupported("modules.json names no pooling: a vector for each token is not supported")
            }
            text?.vector = VectorSpec(modules.pooling ?? family.pooling, head: modules.dense.map(\.spec))
        }
        let vector = family.body?.vector ?? text?.vector ?? family.image?.vector ?? family.audio?.vector
        let width =
            family.body?.stack.width ?? text?.stack?.width ?? text?.width ?? family.image?.width ?? family.audio?.width
        let outputs = vector?.head.last?.outputs ?? width ?? 0
        var sequence = family.sequence ?? SequenceSpec()
        if text != nil, family.sequence == nil { sequence = try SequenceTemplate(modules.body).spec }
        var spec = ModelSpec(
            name: Self.name(path), family: try hub.optionalText("model_type") ?? (modules.isStatic ? "static" : ""),
            maxTokens: min(family.maxTokens, modules.maxTokens ?? family.maxTokens), outputDimensions: outputs,
            matryoshkaDimensions: [outputs] + family.matryoshkaDimensions.filter { $0 < outputs },
            sequence: sequence)
        spec.sequence.picture = family.image == nil ? nil : family.pictureMarks
        spec.sequence.sound = family.audio == nil ? nil : family.soundMarks
        if let joint = family.textJoint { spec.sequence.textJoint = joint }
        spec.text = text
        spec.image = family.image
        spec.audio = family.audio
        spec.body = family.body
        spec.prompts = modules.prompts
        spec.defaultPrompt = modules.defaultPrompt
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
        // Tensors of a file may be the same bytes, again and again.
        let most = 4 * (tensors.byteCount + heads.values.reduce(0) { $0 + $1.byteCount })
        let bytes = plans.reduce(0) { $0 + $1.byteCount }
        guard bytes <= most else {
            throw .unsupported(
                "the configuration asks for \(bytes) bytes of weights, the files' tensors are repeated for them")
        }
        tokenizer = text == nil ? nil : modules.body
    }

    /// Whether the folder has a hub's layout rather than that of a model folder.
    package static func isThere(_ path: String) -> Bool {
        let folder = HubFolder(path: path)
        if folder.exists("modules.json") || StaticTable.isAlone(folder) { return true }
        guard let file = try? folder.json("config.json") else { return false }
        return file["format"] == nil && file["model_type"] != nil
    }

    /// Another name, under which the model is served.
    package mutating func rename(_ name: String) throws(CheckpointError) {
        var renamed = spec
        renamed.name = name
        do { try renamed.check() } catch { throw CheckpointError(error) }
        spec = renamed
    }

    /// What stands before texts, beside or instead of what the folder says. `default` is for no task.
    package mutating func addPrompts(_ prompts: [String: String]) {
        spec.prompts.merge(prompts) { _, new in new }
        if prompts["default"] != nil { spec.defaultPrompt = "default" }
    }

    /// Bytes of all weights as they are written.
    package func weightBytes(_ precision: Precision? = nil) -> Int {
        streamed(precision).reduce(0) { $0 + $1.byteCount }
    }

    /// What takes more bytes a value goes first, so that each value lies where its kind may.
    private func streamed(_ precision: Precision?) -> [StreamedTensor] {
        let matrices = spec.matrixNames()
        let tensors = plans.flatMap { $0.streamed(precision, isMatrix: matrices.contains($0.name)) }
        return precision == .int8
            ? tensors.filter { $0.type != .i8 } + tensors.filter { $0.type == .i8 } : tensors
    }

    /// Makes the folder: configuration, weights, tokenizer. It is there whole, and can be opened, or not at all.
    ///
    /// - Parameters:
    ///   - path: where nothing is yet, or an empty folder
    ///   - precision: of the weights; nil leaves them in the format that they came in
    ///   - progress: told the bytes of weights that are written; what it throws ends the writing
    package func write(
        to path: String, precision: Precision? = nil,
        progress: @escaping (_ bytes: Int) throws(ModelError) -> Void = { (_) throws(ModelError) in }
    ) throws(ModelError) {
        let tokenizer: MappedFile?
        do { tokenizer = try checkedTokenizer() } catch { throw ModelError(error) }
        let folder = try NewFolder(path: path)
        var done = 0
        let tensors = streamed(precision).map { tensor in
            StreamedTensor(name: tensor.name, type: tensor.type, shape: tensor.shape) {
                (sink) throws(ModelError) in
                try tensor.write { (bytes) throws(ModelError) in
                    try sink(bytes)
                    done += bytes.count
                    try progress(done)
                }
            }
        }
        try SafeTensors.write(
            streaming: tensors, metadata: ["castor.state": "trained"],
            to: "\(folder.temporaryPath)/\(Model.weightsName)")
        try Self.write(spec.json, to: "\(folder.temporaryPath)/\(Model.configurationName)")
        if let tokenizer {
            let copy = try AtomicFile(path: "\(folder.temporaryPath)/tokenizer.json")
            try copy.write(tokenizer.bytes)
            try copy.commit()
        }
        try folder.commitModel()
    }

    /// Opened as it will be: nobody should wait for weights that cannot be used.
    private func checkedTokenizer() throws(CheckpointError) -> MappedFile? {
        guard let tokenizer, let text = spec.text else { return nil }
        try HubTokenizer(tokenizer).check(rows: text.vocabularySize)
        return try tokenizer.file("tokenizer.json")
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

    /// Of the folder; of one in the hub's cache, `models--google--embeddinggemma-2/snapshots/914f7f8`, what the hub calls it.
    private static func name(_ path: String) -> String {
        let parts = HubFolder(path: path).root.split(separator: "/").map(String.init)
        if parts.count > 2, parts[parts.count - 2] == "snapshots", parts[parts.count - 3].hasPrefix("models--"),
            let name = parts[parts.count - 3].split(separator: "--").last
        {
            return String(name)
        }
        return parts.last ?? "imported"
    }
}

extension FamilyPlan {
    func plan(
        _ name: String, _ shape: [Int], _ tensors: CheckpointTensors
    ) throws(CheckpointError) -> TensorPlan {
        if let table, name == "text.embedding.weight" { return TensorPlan(name, table) }
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
            return try TensorPlan(
                name, shape, sources.map { prefix + $0 }, rows: rows,
                lengths: sources.count > 1 ? lengths(name, shape[0], count: sources.count) : nil, in: tensors)
        }
        throw .unsupported("the family has no name for the tensor \(name)")
    }

    /// Rows of each of the modules that follow each other in one of the model's: queries, keys and values, or parts of one length.
    private func lengths(_ name: String, _ rows: Int, count: Int) -> [Int] {
        if count == 3, let attention = attention(of: name) {
            let keys = attention.keyHeads * attention.headSize
            return [attention.queryLength, keys, keys]
        }
        return Array(repeating: rows / count, count: count)
    }

    /// `text.layers.3.0.qkv.weight`: branch 0 of layer 3.
    private func attention(of name: String) -> AttentionSpec? {
        let parts = name.split(separator: ".")
        guard parts.count > 4, parts[1] == "layers", parts[4] == "qkv", let layer = Int(parts[2]),
            let branch = Int(parts[3])
        else { return nil }
        let stack: StackSpec? =
            switch parts[0] {
            case "text": text?.stack
            case "image": image?.stack
            case "audio": audio?.stack
            default: body?.stack
            }
        guard case .attention(let spec) = stack?.layers[layer].branches[branch].operation else { return nil }
        return spec
    }
}
