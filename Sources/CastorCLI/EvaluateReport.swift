import Castor
import Encoder
import Evaluation
import FoundationEssentials
import Glibc

/// What `castor evaluate --json` writes.
struct EvaluationReport {
    let model: ModelInfo
    let dimensions: [Int]
    let limit: Int?
    let prompts: String
    var tasks: [TaskResult] = []
    var failures: [TaskFailure] = []

    /// A task that has no result, and why.
    struct TaskFailure: Encodable {
        let name: String
        let error: String
    }

    /// Replaces the file whole, so that a reader never sees half of it.
    func save(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let bytes = [UInt8](try encoder.encode(Document(self))) + [UInt8(ascii: "\n")]
        try OutputFile(path).refuseSpecial()
        do {
            let file = try AtomicFile(path: path)
            try bytes.withUnsafeBytes { try file.write($0) }
            try file.commit()
        } catch let error as ModelError {
            throw Failure(.cannotWrite, error.description)
        }
    }

    private struct Document: Encodable {
        struct Model: Encodable {
            let name: String
            let path: String
            let state: String
            let parameters: Int
        }

        let castor = Version.current
        let model: Model
        let dimensions: [Int]
        let limit: Int?
        let prompts: String
        let threads: Int
        let seconds: Double
        let tasks: [Task]
        let failures: [TaskFailure]

        init(_ report: EvaluationReport) {
            let info = report.model
            model = Model(name: info.name, path: info.path, state: info.state, parameters: info.parameters)
            (dimensions, limit, prompts) = (report.dimensions, report.limit, report.prompts)
            threads = info.threads
            seconds = report.tasks.reduce(0) { $0 + $1.seconds }
            failures = report.failures
            tasks = report.tasks.map { Task($0, report.dimensions) }
        }
    }

    private struct Task: Encodable {
        struct Skipped: Encodable {
            let count: Int
            let first: String?
        }

        struct Value: Encodable {
            let name: String
            /// By size; null where a metric is not defined.
            let values: [String: Double?]
            let chance: Double?
        }

        let name: String
        let kind: String
        let subset: String?
        let prompts: Bool?
        let items: Int
        let counts: [String: Int]
        let skipped: Skipped
        let truncated: Int
        let seconds: Double
        let metrics: [Value]
        let subsets: [Task]?

        init(_ result: TaskResult, _ dimensions: [Int]) {
            (name, kind, subset, prompts) = (result.name, result.kind, result.subset, result.prompts)
            (items, counts, truncated, seconds) = (result.items, result.counts, result.truncated, result.seconds)
            skipped = Skipped(count: result.skipped.count, first: result.skipped.first)
            metrics = result.metrics.map { metric in
                Value(
                    name: metric.name,
                    values: Dictionary(uniqueKeysWithValues: zip(dimensions.map(String.init), metric.values)),
                    chance: metric.chance)
            }
            subsets = result.subsets.isEmpty ? nil : result.subsets.map { Task($0, dimensions) }
        }
    }
}
