import CastorNumerics

/// The weights of a ``ModelSpec``, as far as they are asked for.
struct SpecWeights {
    let text: TextTower?
    let textVector: VectorWeights?
    let image: ImageTower?
    let imageVector: VectorWeights?
    let audio: SoundTower?
    let audioVector: VectorWeights?
    let body: StackWeights?
    let bodyVector: VectorWeights?
}

extension ModelSpec {
    /// - Parameter table: of the embedding tables, which stay where they are
    func weights(
        _ source: TensorSource, table: (_ name: String, _ shape: [Int]) throws(ModelError) -> EmbeddingTable
    ) throws(ModelError) -> SpecWeights {
        var tower: TextTower?
        if let text {
            let assembly = StackAssembly(name: "text", spec: StackSpec(width: text.width, layers: []), source: source)
            tower = TextTower(
                spec: text, table: try table("text.embedding.weight", [text.vocabularySize, text.width]),
                positions: try text.positions.map { (count) throws(ModelError) in
                    try table("text.positions.weight", [count, text.width])
                },
                tokenType: text.tokenType == true ? try source.small("text.token_type", [text.width]) : nil,
                norm: try assembly.norm(text.norm, "text.embedding_norm", text.width),
                projection: try text.projection.map { (dense) throws(ModelError) in
                    try assembly.dense(dense, "text.projection")
                },
                stack: try text.stack.map { (stack) throws(ModelError) in
                    try StackAssembly(name: "text", spec: stack, source: source).weights()
                })
        }
        func vector(_ spec: VectorSpec?, _ name: String, _ width: Int = 0) throws(ModelError) -> VectorWeights? {
            guard let spec else { return nil }
            let assembly = StackAssembly(name: name, spec: StackSpec(width: 1, layers: []), source: source)
            var head: [LinearWeights] = []
            for (index, dense) in spec.head.enumerated() {
                head.append(try assembly.dense(dense, "\(name).head.\(index)"))
            }
            let attention = try spec.attention.map { (attention) throws(ModelError) in
                try attention.weights(assembly, name, width)
            }
            return VectorWeights(spec: spec, attention: attention, head: head)
        }
        return SpecWeights(
            text: tower, textVector: try vector(text?.vector, "text", text?.stack?.width ?? text?.width ?? 0),
            image: try image.map { (image) throws(ModelError) in try image.tower(source, table) },
            imageVector: try vector(image?.vector, "image", image?.width ?? 0),
            audio: try audio.map { (audio) throws(ModelError) in try SoundTower(audio, source, table: table) },
            audioVector: try vector(audio?.vector, "audio", audio?.width ?? 0),
            body: try body.map { (body) throws(ModelError) in
                try StackAssembly(name: "body", spec: body.stack, source: source).weights()
            },
            bodyVector: try vector(body?.vector, "body", body?.stack.width ?? 0))
    }

    /// Every tensor of a model of this spec, in file order.
    package func tensorShapes() -> [(name: String, shape: [Int])] { tensorList().shapes }

    /// Those that may have eight bits a value: factors of products and tables, whose rows are widened when they are used.
    package func matrixNames() -> Set<String> { tensorList().matrices }

    private final class TensorList {
        private(set) var shapes: [(name: String, shape: [Int])] = []
        private(set) var matrices: Set<String> = []
        private var names: Set<String> = []

        /// What several layers share is asked for by each.
        func add(_ name: String, _ shape: [Int], isMatrix: Bool) {
            if names.insert(name).inserted { shapes.append((name, shape)) }
            if isMatrix { matrices.insert(name) }
        }
    }

    private func tensorList() -> TensorList {
        let list = TensorList()
        let nothing = FloatBuffer(count: 0)
        let source = TensorSource(
            small: { (name, shape) throws(ModelError) in
                list.add(name, shape, isMatrix: false)
                return Matrix(rows: 1, columns: shape.reduce(1, *))
            },
            large: { (name, shape) throws(ModelError) in
                list.add(name, shape, isMatrix: true)
                return WeightTensor(Matrix(buffer: nothing, rows: 0, columns: shape[1]))
            })
        _ = try? weights(source) { (name, shape) throws(ModelError) in
            list.add(name, shape, isMatrix: true)
            return EmbeddingTable(Matrix(buffer: nothing, rows: 0, columns: shape[1]))
        }
        return list
    }

    package var parameterCount: Int { tensorShapes().reduce(0) { $0 + $1.shape.reduce(1, *) } }
}
