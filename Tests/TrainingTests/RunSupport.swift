import CastorNumerics
import Encoder
import FoundationEssentials
import TestSupport
import Testing
import Training

/// A small training from text pairs: two languages for the same pictures.
enum SmallRun {
    private static let colours = ["red rouge", "green vert", "blue bleu", "yellow jaune", "black noir", "white blanc"]
    private static let shapes = [
        "circle cercle", "square carre", "star etoile", "cross croix", "ring anneau", "moon lune",
    ]
    private static let grounds = ["grass herbe", "sand sable", "snow neige", "water eau", "stone pierre", "wood bois"]

    /// 216 rows of two columns.
    static func writePairs(_ folder: String) throws {
        func words(_ text: String) -> (String, String) {
            let parts = text.split(separator: " ").map(String.init)
            return (parts[0], parts[1])
        }
        var lines = ""
        for colour in colours.map(words) {
            for shape in shapes.map(words) {
                for ground in grounds.map(words) {
                    lines += "a \(colour.0) \(shape.0) on \(ground.0)\tsur \(ground.1), \(shape.1) \(colour.1)\n"
                }
            }
        }
        try Folders.write(Array(lines.utf8), "\(folder)/pairs.tsv")
    }

    static func recipe(_ folder: String, steps: Int = 12, rate: Double = 5e-3, stages: Int = 1) -> String {
        let stage = """
            {"steps": \(steps), "schedule": {"peak": \(rate)}, "optimizer": {"average": 0.5},
             "loss": {"sizes": [3072, 256], "contrastive": {"symmetric": true, "learnsTemperature": true}},
             "data": [{"path": "pairs.tsv", "header": false, "batch": 32}]}
            """
        return """
            {"name": "two languages <&>", "model": "model", "output": "out", "seed": 7,
             "stages": [\(Array(repeating: stage, count: stages).joined(separator: ","))],
             "evaluation": {"every": 5, "heldOut": 0.2, "pairs": 50, "sizes": [3072, 256, 128]}}
            """
    }

    /// castor-nano without its weights, so that training starts from random ones, and the recipe.
    static func prepare(_ folder: String, steps: Int = 12, rate: Double = 5e-3, stages: Int = 1) throws {
        try writePairs(folder)
        try FileManager.default.createDirectory(atPath: "\(folder)/model", withIntermediateDirectories: true)
        for name in ["config.json", "tokenizer.model"] {
            try Folders.write(try Folders.read("\(Folders.nano)/\(name)"), "\(folder)/model/\(name)")
        }
        let text = recipe(folder, steps: steps, rate: rate, stages: stages)
        try Folders.write(Array(text.utf8), "\(folder)/recipe.json")
    }

    /// The plan of the recipe in `folder`.
    static func plan(_ folder: String, _ overrides: String...) throws -> RunPlan {
        var plan = try RunPlan(
            Recipe(path: "\(folder)/recipe.json", overrides: overrides), pool: WorkerPool(threads: 2))
        plan.checkpointInterval = 4
        return plan
    }

    /// Runs until `stop`, which is asked after each step with the number of steps done in this call.
    @discardableResult
    static func run(
        _ plan: RunPlan, _ output: String, resume: Bool = false, threads: Int = 2, stop: (Int) -> Bool = { _ in false }
    ) throws -> [RunEvent] {
        let run = TrainingRun(
            plan, try RunFolder(path: output), WorkerPool(threads: threads), isResumed: resume, version: "test")
        let events = Events()
        try run(isInterrupted: { stop(events.steps) }) { events.all.append($0) }
        #expect(run.state == .finished)
        return events.all
    }

    private final class Events {
        var all: [RunEvent] = []
        var steps: Int { all.count { if case .step = $0 { true } else { false } } }
    }

    static func history(_ output: String) throws -> TrainingHistory {
        try MetricsLog.read(Data(Folders.read("\(output)/metrics.jsonl")), output)
    }

    /// What must be equal when a training was interrupted: all but times and memory.
    static func expectSame(_ a: String, _ b: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let (one, two) = (try history(a), try history(b))
        func facts(_ history: TrainingHistory) -> [String] {
            history.steps.map {
                "\($0.step) \($0.data) \($0.loss) \($0.rate) \($0.gradientNorm) \($0.temperature ?? 0)"
            }
                + history.evaluations.map { "\($0.step) \($0.sets)" }
        }
        #expect(facts(one) == facts(two), sourceLocation: sourceLocation)
        #expect(
            try Folders.read("\(a)/model/model.safetensors") == Folders.read("\(b)/model/model.safetensors"),
            sourceLocation: sourceLocation)
        let (first, second) = (
            try SafeTensors(path: "\(a)/checkpoints/last"), try SafeTensors(path: "\(b)/checkpoints/last")
        )
        #expect(first.entries.count == second.entries.count, sourceLocation: sourceLocation)
        for (name, entry) in first.entries {
            let other = try #require(second.entries[name], sourceLocation: sourceLocation)
            #expect(
                first.file.bytes[entry.range].elementsEqual(second.file.bytes[other.range]), "\(name)",
                sourceLocation: sourceLocation)
        }
    }
}
