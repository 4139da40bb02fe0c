import Castor
import Encoder
import Evaluation
import FoundationEssentials

/// What `castor evaluate` prints and writes.
struct EvaluationReport {
    let model: ModelInfo
    let dimensions: [Int]
    let limit: Int?
    let prompts: String
    var tasks: [TaskResult] = []

    // MARK: - Table

    /// Aligned columns: texts to the left, numbers to the right; what repeats from the row above is left blank.
    func table(subsets: Bool) -> [UInt8] {
        let sizes = dimensions.map(String.init)
        var rows = [["task", "prompts", "metric"] + sizes + ["chance", "items", "seconds"]]
        for task in tasks {
            for result in [task] + (subsets ? task.subsets : []) { rows += self.rows(result) }
        }
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        let lines = rows.map { row in
            let cells = row.enumerated().map { column, text in
                let padding = String(repeating: " ", count: widths[column] - text.count)
                return column < 3 ? text + padding : padding + text
            }
            return cells.joined(separator: "  ") + "\n"
        }
        return Array(lines.joined().utf8)
    }

    private func rows(_ result: TaskResult) -> [[String]] {
        let name =
            if let subset = result.subset {
                "\(result.name) [\(subset)]"
            } else if !result.subsets.isEmpty {
                "\(result.name), mean of \(result.subsets.count)"
            } else {
                result.name
            }
        let prompts = result.prompts.map { $0 ? "on" : "off" } ?? "-"
        return result.metrics.enumerated().map { index, metric in
            let values = (metric.values + [metric.chance]).map { $0.map { Self.decimal($0, 4) } ?? "-" }
            let head = index == 0 ? [name, prompts, metric.name] : ["", "", metric.name]
            let tail = index == 0 ? ["\(result.items)", Self.decimal(result.seconds, 1)] : ["", ""]
            return head + values + tail
        }
    }

    /// With a fixed number of places.
    static func decimal(_ value: Double, _ places: Int) -> String {
        var scale = 1
        for _ in 0..<places { scale *= 10 }
        let whole = Int((abs(value) * Double(scale)).rounded())
        let fraction = String(whole % scale)
        let sign = value < 0 && whole > 0 ? "-" : ""
        return "\(sign)\(whole / scale).\(String(repeating: "0", count: places - fraction.count))\(fraction)"
    }

    // MARK: - JSON

    /// Replaces the file whole, so that a reader never sees half of it.
    func save(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let bytes = [UInt8](try encoder.encode(Document(self))) + [UInt8(ascii: "\n")]
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

        init(_ report: EvaluationReport) {
            let info = report.model
            model = Model(name: info.name, path: info.path, state: info.state, parameters: info.parameters)
            (dimensions, limit, prompts) = (report.dimensions, report.limit, report.prompts)
            threads = info.threads
            seconds = report.tasks.reduce(0) { $0 + $1.seconds }
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
