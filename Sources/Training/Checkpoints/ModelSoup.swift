import Castor
package import CastorNumerics
import Encoder

/// The weighted mean of the weights of models that were trained from the same start (arXiv 2203.05482).
package enum ModelSoup {
    /// Writes the soup of the model folders at `models` to `folder`: f16 when all of them are, else f32, as those of imported models always are.
    /// Configuration and tokenizer are those of the first model; the others must agree.
    ///
    /// - Parameter weights: one a model, of any positive sum; nil weighs all alike
    package static func write(
        _ models: [String], weights: [Double]?, to folder: String, pool: WorkerPool
    ) throws(TrainingError) {
        guard let first = models.first else { throw .soup(reason: "a soup needs at least one model") }
        let shares = try normalise(weights, count: models.count)
        let base = try Ingredient(first, pool)
        let sum = ParameterStore(base.architecture.tensorShapes)
        var type = ScalarType.f16
        for (path, share) in zip(models, shares) {
            let model = try Ingredient(path, pool)
            try check(model, against: base)
            if model.tensors.entries.values.contains(where: { $0.type != .f16 }) { type = .f32 }
            try add(model, times: Float(share), to: sum)
        }
        let recipe = zip(models, shares).map { "\(lastComponent($0)) \($1)" }.joined(separator: ", ")
        do {
            try ModelFolder.write(sum, template: first, as: type, metadata: ["castor.soup": recipe], to: folder)
        } catch { throw .model(error) }
    }

    private struct Ingredient {
        let path: String
        let architecture: Architecture
        let tensors: SafeTensors

        init(_ path: String, _ pool: WorkerPool) throws(TrainingError) {
            self.path = path
            do throws(ModelError) {
                if let spec = try ImportedModel.spec(path) {
                    tensors = try SafeTensors(path: "\(path)/\(Model.weightsName)")
                    try tensors.requireWideWeights()
                    architecture = .imported(spec, tensors)
                } else {
                    let model = try Model(path: path, pool: pool)
                    tensors = model.tensors
                    architecture = .castor(model.configuration)
                }
            } catch { throw .model(error) }
        }

        /// Whatever the two are called.
        func hasConfiguration(of other: Ingredient) -> Bool {
            switch (architecture, other.architecture) {
            case (.castor(var own), .castor(let others)):
                own.name = others.name
                return own == others
            case (.imported(var own, _), .imported(let others, _)):
                own.name = others.name
                return own == others
            default: return false
            }
        }

        var tokenizerName: String { architecture.isImported ? "tokenizer.json" : Model.tokenizerName }
    }

    private static func add(_ model: Ingredient, times share: Float, to sum: ParameterStore) throws(TrainingError) {
        for tensor in sum.tensors {
            let values = Matrix(rows: tensor.values.rows, columns: tensor.values.columns)
            do { try model.tensors.copy(tensor.name, into: values) } catch { throw .model(error) }
            CastorNumerics.add(values.pointer, times: share, to: tensor.values.pointer, count: values.count)
        }
    }

    private static func normalise(_ weights: [Double]?, count: Int) throws(TrainingError) -> [Double] {
        let weights = weights ?? [Double](repeating: 1, count: count)
        guard weights.count == count else {
            throw .soup(reason: "\(weights.count) weights for \(count) models")
        }
        let sum = weights.reduce(0, +)
        guard weights.allSatisfy({ $0.isFinite && $0 >= 0 }), sum.isFinite, sum > 0 else {
            throw .soup(reason: "weights must be numbers of at least 0, one of them above")
        }
        return weights.map { $0 / sum }
    }

    private static func check(_ model: Ingredient, against base: Ingredient) throws(TrainingError) {
        guard model.hasConfiguration(of: base) else {
            throw .soup(reason: "\(model.path) and \(base.path) have different configurations")
        }
        let name = base.tokenizerName
        if base.architecture.isImported, base.architecture.vocabularySize == 0 { return }
        guard try sameBytes(model.path, base.path, name) else {
            throw .soup(reason: "\(model.path) and \(base.path) have different tokenizers")
        }
    }

    private static func sameBytes(_ a: String, _ b: String, _ name: String) throws(TrainingError) -> Bool {
        do {
            let (a, b) = try (MappedFile(path: "\(a)/\(name)"), MappedFile(path: "\(b)/\(name)"))
            return a.bytes.elementsEqual(b.bytes)
        } catch { throw .model(error) }
    }

    private static func lastComponent(_ path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }
}
