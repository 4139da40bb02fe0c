package import CastorNumerics
import Encoder
import FoundationEssentials

/// What to train, on what, and how: one JSON file, checked, with every default filled in. Keys, limits and defaults are in
/// ``RecipeSchema`` and docs/recipes.md. Paths are ready to be opened.
package struct Recipe: Sendable, Equatable, Codable {
    package var name: String
    package var model: String
    package var output: String
    package var seed: UInt64
    package var threads: Int?
    package var workers: Int
    package var prefetchBytes: Int
    package var cache: Cache
    package var stages: [Stage]
    package var evaluation: Evaluation

    package struct Cache: Sendable, Equatable, Codable {
        package var enabled: Bool
        package var folder: String?
        package var maxBytes: Int
    }

    package struct Stage: Sendable, Equatable, Codable {
        package var name: String?
        package var steps: Int?
        package var epochs: Double?
        package var train: [String]
        package var data: [Data]
        package var loss: Loss
        package var optimizer: Optimizer
        package var schedule: Schedule
        package var memory: Memory
        package var precision: ProductPrecision
        package var accumulate: Int
    }

    package struct Data: Sendable, Equatable, Codable {
        package var name: String?
        package var path: String
        package var format: DataSource.Format?
        package var rate: Double?
        package var batch: Int
        package var bucket: Int
        package var header: Bool?
        package var query: Column
        package var positive: Column
        package var negatives: [Column]
        package var captions: String?
        package var template: Texts
        package var swap: Bool
        package var prompt: String?
        package var positivePrompt: String?
        package var promptDropout: Double
        package var teacher: Teacher?
        package var heldOut: Double?
        package var badShare: Double
        package var cache: Bool
        package var image: Image
        package var audio: SoundAugmentation

        /// Picture augmentation and the share of patches.
        package struct Image: Sendable, Equatable, Codable {
            package var crop: Double
            package var aspect: Double
            package var flip: Double
            package var brightness: Double
            package var contrast: Double
            package var saturation: Double
            package var keptPatches: Double
        }
    }

    package enum Column: Sendable, Equatable {
        case name(String)
        case index(Int)
        case none
    }

    /// One text or several.
    package struct Texts: Sendable, Equatable {
        package var values: [String]
    }

    package struct Teacher: Sendable, Equatable {
        package var query: String?
        package var positive: String?
    }

    package struct Loss: Sendable, Equatable, Codable {
        package var sizes: [Int]?
        package var sizeWeights: [Double]?
        package var contrastive: Contrastive
        package var teacherCosine: Cosine?
        package var teacherSimilarity: Similarity?

        package struct Contrastive: Sendable, Equatable, Codable {
            package var enabled: Bool
            package var weight: Double
            package var temperature: Double
            package var learnsTemperature: Bool
            package var symmetric: Bool
        }

        package struct Cosine: Sendable, Equatable, Codable {
            package var weight: Double
            package var size: Int?
            package var head: Bool
        }

        package struct Similarity: Sendable, Equatable, Codable {
            package var weight: Double
            package var temperature: Double?
            package var candidates: TeacherSimilarityLoss.Candidates
        }
    }

    package struct Optimizer: Sendable, Equatable, Codable {
        package var beta1: Double
        package var beta2: Double
        package var epsilon: Double
        package var momentum: Double
        package var decay: Double
        package var maxNorm: Double
        package var freeze: [String]
        package var groups: [Group]
        package var restUntouchedRows: Bool
        package var average: Double?

        package struct Group: Sendable, Equatable, Codable {
            package var pattern: String
            package var rate: Double
            package var decay: Double?
            package var method: String
        }
    }

    package struct Schedule: Sendable, Equatable, Codable {
        package var peak: Double
        package var decay: Training.Schedule.Decay
        package var warmUp: Double
        package var final: Double
    }

    package struct Memory: Sendable, Equatable, Codable {
        package var keep: String
        package var chunkTokens: Int
    }

    package struct Evaluation: Sendable, Equatable, Codable {
        package var every: Int
        package var heldOut: Double
        package var pairs: Int
        package var distractors: Int?
        package var sizes: [Int]?
        package var metric: String
        package var patience: Int
        package var data: [EvaluationData]?
        package var tasks: Tasks?

        /// Task files of `castor evaluate`.
        package struct Tasks: Sendable, Equatable, Codable {
            package var files: [String]
            package var data: String?
            package var prompts: Bool
            package var limit: Int?
        }
    }

    /// Pairs that are never trained on.
    package struct EvaluationData: Sendable, Equatable, Codable {
        package var name: String?
        package var path: String
        package var format: DataSource.Format?
        package var header: Bool?
        package var query: Column
        package var positive: Column
        package var captions: String?
        package var template: Texts
        package var swap: Bool
        package var prompt: String?
        package var positivePrompt: String?
        package var badShare: Double
        package var decides: Bool
    }
}

extension Recipe {
    /// Files and folders of data that it names.
    package var inputs: [String] {
        let sets = stages.flatMap(\.data) + (evaluation.data ?? []).map(\.data)
        var files = evaluation.tasks?.files ?? []
        for data in sets {
            files.append(data.path)
            if let teacher = data.teacher { files += [teacher.query, teacher.positive].compactMap { $0 } }
            if let captions = data.captions { files.append("\(data.path)/\(captions)") }
        }
        return files
    }
}

extension Recipe.EvaluationData {
    /// The same as data of a stage, without any random change.
    var data: Recipe.Data {
        Recipe.Data(
            name: name, path: path, format: format, rate: nil, batch: 1, bucket: 1, header: header, query: query,
            positive: positive, negatives: [], captions: captions, template: template, swap: swap, prompt: prompt,
            positivePrompt: positivePrompt, promptDropout: 0, teacher: nil, heldOut: nil, badShare: badShare,
            cache: false,
            image: Recipe.Data.Image(
                crop: 1, aspect: 1, flip: 0, brightness: 0, contrast: 0, saturation: 0, keptPatches: 1),
            audio: SoundAugmentation())
    }
}

// MARK: - JSON that is not the struct's own shape

extension Recipe.Column: Codable {
    package init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if let index = try? value.decode(Int.self) {
            self = .index(index)
        } else if let name = try? value.decode(String.self) {
            self = .name(name)
        } else {
            self = .none
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        switch self {
        case .name(let name): try value.encode(name)
        case .index(let index): try value.encode(index)
        case .none: try value.encode(false)
        }
    }
}

extension Recipe.Texts: Codable {
    package init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        values = try (try? value.decode(String.self)).map { [$0] } ?? value.decode([String].self)
    }

    package func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        try value.encode(values)
    }
}

extension Recipe.Teacher: Codable {
    private enum Key: String, CodingKey { case query, positive }

    package init(from decoder: any Decoder) throws {
        if let path = try? decoder.singleValueContainer().decode(String.self) {
            self.init(query: path, positive: nil)
        } else {
            let fields = try decoder.container(keyedBy: Key.self)
            self.init(
                query: try fields.decodeIfPresent(String.self, forKey: .query),
                positive: try fields.decodeIfPresent(String.self, forKey: .positive))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Key.self)
        try fields.encodeIfPresent(query, forKey: .query)
        try fields.encodeIfPresent(positive, forKey: .positive)
    }
}
