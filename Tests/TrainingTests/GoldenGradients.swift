import CastorNumerics
import Encoder
import FoundationEssentials
import TestSupport
import Training

/// What PyTorch computed for castor-nano: Tests/Fixtures/gradients.*, written by tools/reference/make_gradients.py.
struct GoldenGradients {
    let description: Description
    let tensors: SafeTensors

    struct Description: Decodable {
        let batch: Batch
        let objective: Losses
        let optimizer: Optimizer
        let loss: Double
        let terms: [String: Double]
        /// Before each step.
        let losses: [Double]
        let weighted: Weighted
        let bigrams: Bigrams
        let lexical: Lexical
        let tensors: [String: Stored]
    }

    /// The same batch and loss for a model with pooling logits.
    struct Weighted: Decodable {
        let logits: [Float]
        let loss: Double
    }

    /// The same batch and loss for a model with hashed bigrams.
    struct Bigrams: Decodable {
        let bigramRows: Int
        let bigramWidth: Int
        let loss: Double
    }

    /// The same batch and loss for a model with a lexical part.
    struct Lexical: Decodable {
        let part: LexicalPart
        let loss: Double
    }

    struct Batch: Decodable {
        let queries: [[Part]]
        let positives: [[Part]]
        let negatives: [[[Part]]]
    }

    struct Part: Decodable {
        let text: [Int32]?
        let image: String?
        let audio: String?
        let video: String?
        let page: String?
        let pageText: [Int32]?
        let times: [Double]?
        let grid: [Int]?
    }

    struct Losses: Decodable {
        struct Level: Decodable {
            let size: Int
            let weight: Double
        }
        struct Contrastive: Decodable {
            let weight: Double
            let temperature: Double
            let symmetric: Bool
        }
        struct TeacherCosine: Decodable {
            let weight: Double
            let size: Int
            let dimensions: Int
        }
        struct TeacherSimilarity: Decodable {
            let weight: Double
            let divergenceTemperature: Double
        }
        let levels: [Level]
        let contrastive: Contrastive
        let teacherCosine: TeacherCosine
        let teacherSimilarity: TeacherSimilarity
    }

    struct Optimizer: Decodable {
        let steps: Int
        let rate: Double
        let warmUp: Int
        let total: Int
        let finalShare: Double
        let beta1: Double
        let beta2: Double
        let epsilon: Double
        let decay: Double
        let maxNorm: Double
        let slow: String
        let slowFactor: Double
        let frozen: String
    }

    struct Stored: Decodable {
        let norm: Double
        /// Rows of the tensor that are stored; nil for all.
        let rows: [Int]?
    }

    init() throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .custom { path in
            // Tensor names are keys, too, and stay as they are.
            let key = path[path.count - 1].stringValue
            guard key.contains("_"), !key.contains(".") else { return Key(key) }
            let words = key.split(separator: "_")
            return Key(words[0] + words.dropFirst().map(\.capitalized).joined())
        }
        description = try decoder.decode(
            Description.self, from: Data(contentsOf: URL(filePath: "\(Folders.fixtures)/gradients.json")))
        tensors = try SafeTensors(path: "\(Folders.fixtures)/gradients.safetensors")
    }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(_ value: String) { stringValue = value }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    func tensor(_ name: String) throws -> Matrix {
        let shape = tensors.entries[name]!.shape
        let matrix = Matrix(rows: shape.count == 2 ? shape[0] : 1, columns: shape[shape.count - 1])
        try tensors.copy(name, into: matrix)
        return matrix
    }

    /// The stored rows of a whole tensor.
    func stored(_ name: String, of whole: Matrix) -> Matrix {
        guard let rows = description.tensors[name]?.rows else { return whole }
        let matrix = Matrix(rows: rows.count, columns: whole.columns)
        for (place, row) in rows.enumerated() { matrix.row(place).update(from: whole.row(row), count: whole.columns) }
        return matrix
    }

    func batch() throws -> PairBatch {
        func contents(_ list: [[Part]]) throws -> [EncoderInput] {
            try list.map { parts in try EncoderInput(parts.map(segment)) }
        }
        return PairBatch(
            queries: try contents(description.batch.queries), positives: try contents(description.batch.positives),
            negatives: try description.batch.negatives.map(contents), queryTeachers: try tensor("teacher.queries"),
            positiveTeachers: try tensor("teacher.positives"))
    }

    private func segment(_ part: Part) throws -> EncoderInput.Segment {
        if let ids = part.text { return .text(ids) }
        if let ids = part.pageText { return .pageText(ids) }
        if let name = part.audio { return .audio(patches: try tensor(name)) }
        let (rows, columns) = (part.grid![0], part.grid![1])
        let grid = ImageGrid(width: columns, height: rows, maxPatches: rows * columns)
        if let name = part.image { return .image(patches: try tensor(name), grid: grid) }
        let configuration = try Model.configuration(path: Folders.nano)
        if let name = part.video {
            return .video(
                frames: PooledPictures(
                    patches: try tensor(name), grid: grid, pooledSide: configuration.video!.pooledSide),
                times: part.times!)
        }
        return .page(
            PooledPictures(
                patches: try tensor(part.page!), grid: grid, pooledSide: configuration.document!.pooledSide))
    }

    var objective: Objective {
        let losses = description.objective
        var objective = Objective(levels: losses.levels.map { MatryoshkaLevel(size: $0.size, weight: $0.weight) })
        objective.contrastive?.weight = losses.contrastive.weight
        objective.contrastive?.temperature = losses.contrastive.temperature
        objective.contrastive?.symmetric = losses.contrastive.symmetric
        objective.contrastive?.learnsTemperature = true
        objective.teacherCosine = TeacherCosineLoss()
        objective.teacherCosine?.weight = losses.teacherCosine.weight
        objective.teacherCosine?.size = losses.teacherCosine.size
        objective.teacherCosine?.usesHead = true
        objective.teacherDimensions = losses.teacherCosine.dimensions
        objective.teacherSimilarity = TeacherSimilarityLoss()
        objective.teacherSimilarity?.weight = losses.teacherSimilarity.weight
        objective.teacherSimilarity?.distance = .divergence(
            temperature: losses.teacherSimilarity.divergenceTemperature)
        return objective
    }

    var options: Trainer.Options {
        let from = description.optimizer
        var options = Trainer.Options(
            schedule: Schedule(
                peak: from.rate, decay: .cosine, warmUpSteps: from.warmUp, totalSteps: from.total,
                finalShare: from.finalShare))
        options.optimizer.beta1 = from.beta1
        options.optimizer.beta2 = from.beta2
        options.optimizer.epsilon = from.epsilon
        options.optimizer.decay = from.decay
        options.optimizer.maxNorm = from.maxNorm
        options.optimizer.groups = [
            ParameterGroup(from.frozen, frozen: true), ParameterGroup(from.slow, rateFactor: from.slowFactor),
        ]
        return options
    }
}
