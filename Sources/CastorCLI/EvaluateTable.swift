import Castor
import Evaluation

/// What `castor evaluate` prints: aligned columns, a line a metric, each task as soon as it is measured. What repeats from the
/// line above is left blank.
struct EvaluationTable {
    private let dimensions: [Int]
    private let showsSubsets: Bool
    private let widths: [Int]

    /// Columns of text, to the left; numbers go to the right.
    private static let textColumns = 3
    private static let numberWidth = 7

    init(_ files: [TaskFile], dimensions: [Int], showsSubsets: Bool) {
        (self.dimensions, self.showsSubsets) = (dimensions, showsSubsets)
        let names = files.flatMap { file in
            [Self.name(file.name, of: file.subsetLabels.count)]
                + (showsSubsets ? file.subsetLabels.map { Self.name(file.name, subset: $0) } : [])
        }
        widths = [
            (names + ["task"]).map(\.printable.count).max()!, "prompts".count,
            (files.flatMap(\.metricNames) + ["metric"]).map(\.count).max()!,
        ]
    }

    var header: [UInt8] {
        line(["task", "prompts", "metric"] + dimensions.map(String.init) + ["chance", "items", "seconds"])
    }

    func lines(_ result: TaskResult) -> [UInt8] {
        ([result] + (showsSubsets ? result.subsets : [])).flatMap { result in
            let name =
                result.subset.map { Self.name(result.name, subset: $0) }
                ?? Self.name(result.name, of: result.subsets.count)
            let prompts = result.prompts.map { $0 ? "on" : "off" } ?? "-"
            return result.metrics.enumerated().flatMap { index, metric in
                let values = (metric.values + [metric.chance]).map { $0.map { Self.decimal($0, 4) } ?? "-" }
                return line(
                    (index == 0 ? [name, prompts] : ["", ""]) + [metric.name] + values
                        + (index == 0 ? ["\(result.items)", Self.decimal(result.seconds, 1)] : []))
            }
        }
    }

    private static func name(_ task: String, subset: String) -> String { "\(task) [\(subset)]" }

    private static func name(_ task: String, of subsets: Int) -> String {
        subsets > 0 ? "\(task), mean of \(subsets)" : task
    }

    private func line(_ cells: [String]) -> [UInt8] {
        let padded = cells.map(\.printable).enumerated().map { column, text in
            let width = column < Self.textColumns ? widths[column] : Self.numberWidth
            let padding = String(repeating: " ", count: max(0, width - text.count))
            return column < Self.textColumns ? text + padding : padding + text
        }
        return Array((padded.joined(separator: "  ") + "\n").utf8)
    }

    /// With a fixed number of places.
    static func decimal(_ value: Double, _ places: Int) -> String {
        guard value.isFinite, abs(value) < 1e9 else { return "\(value)" }
        var scale = 1
        for _ in 0..<places { scale *= 10 }
        let whole = Int((abs(value) * Double(scale)).rounded())
        let fraction = String(whole % scale)
        let sign = value < 0 && whole > 0 ? "-" : ""
        return "\(sign)\(whole / scale).\(String(repeating: "0", count: places - fraction.count))\(fraction)"
    }
}
