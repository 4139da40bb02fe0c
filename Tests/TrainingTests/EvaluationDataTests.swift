import Castor
import Evaluation
import FoundationEssentials
import TestSupport
import Testing
import Training

/// Data and tasks that are only evaluated on.
@Suite struct EvaluationDataTests {
    private static let pairs = (0..<30).map { "a blue moon number \($0) on water\tsur eau, lune bleue \($0)\n" }
        .joined()

    private func prepare(_ folder: String, steps: Int, _ text: String = pairs) throws {
        try SmallRun.prepare(folder, steps: steps)
        try Folders.write(Array(text.utf8), "\(folder)/other.tsv")
    }

    private static let set = #"evaluation.data=[{"path": "FOLDER/other.tsv", "header": false, "decides": DECIDES}]"#

    private func override(_ folder: String, decides: Bool = true) -> String {
        Self.set.split(separator: "FOLDER").joined(separator: folder).split(separator: "DECIDES")
            .joined(separator: "\(decides)")
    }

    @Test func aSetOfItsOwnIsMeasuredAndNeverTrainedOn() throws {
        try Folders.withTemporary { folder in
            try prepare(folder, steps: 10)
            let plan = try SmallRun.plan(folder, override(folder))
            let events = try SmallRun.run(plan, "\(folder)/out")
            let history = try SmallRun.history("\(folder)/out")
            #expect(history.steps.allSatisfy { $0.data == "pairs.tsv" })
            #expect(history.evaluations.map(\.step) == [0, 5, 10])
            for evaluation in history.evaluations {
                #expect(evaluation.sets.map(\.data) == ["pairs.tsv", "other.tsv"])
                #expect(evaluation.sets[1].queries == 30 && evaluation.sets[1].candidates == 30)
            }
            let facts = try #require(history.facts.evaluationSets?.first)
            #expect(facts.name == "other.tsv" && facts.pairs == 30 && facts.alsoTrained == 0 && facts.decides)
            #expect(facts.sha256 == (try DataDigest.of(path: "\(folder)/other.tsv")))
            let card = String(decoding: try Folders.read("\(folder)/out/model/README.md"), as: UTF8.self)
            #expect(card.contains("| other.tsv | 30 | 0 | `\(facts.sha256)` |"))
            let report = String(decoding: try Folders.read("\(folder)/out/report.html"), as: UTF8.self)
            try ReportChecks.expectComplete(report)
            #expect(report.contains("Evaluation set"))
            #expect(!events.contains { if case .note(let text) = $0 { text.contains("flatters") } else { false } })

            // A change of it is a change of the training.
            try Folders.write(Array("a\tb\n".utf8), "\(folder)/other.tsv")
            let error = #expect(throws: RunError.self) {
                try SmallRun.run(SmallRun.plan(folder, override(folder)), "\(folder)/out", resume: true)
            }
            guard case .changed(key: "data set other.tsv", _, _)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    /// The best checkpoint is chosen, and patience counted, by sets that decide; without one the last weights are the model.
    @Test func aSetThatOnlyReportsChoosesNothing() throws {
        try Folders.withTemporary { folder in
            try prepare(folder, steps: 20)
            let plan = try SmallRun.plan(
                folder, override(folder, decides: false), "evaluation.heldOut=0", "evaluation.patience=1",
                "stages[0].schedule.peak=1e-12")
            try SmallRun.run(plan, "\(folder)/out")
            let history = try SmallRun.history("\(folder)/out")
            #expect(history.evaluations.count == 5 && history.best == nil)
            #expect(history.ending?.modelStep == 20 && history.ending?.reason == .allSteps)
            try ReportChecks.expectComplete(
                String(decoding: try Folders.read("\(folder)/out/report.html"), as: UTF8.self))
        }
    }

    @Test func pairsThatAreTrainedOnAreTold() throws {
        try Folders.withTemporary { folder in
            let known =
                "a red circle on grass\tsur herbe, cercle rouge\na red circle on sand\tsur sable, cercle rouge\n"
            try prepare(folder, steps: 2, known + Self.pairs)
            let plan = try SmallRun.plan(folder, override(folder), "evaluation.heldOut=0")
            let events = try SmallRun.run(plan, "\(folder)/out")
            #expect(
                events.contains(
                    .note(
                        "evaluation set other.tsv: 2 of its 32 pairs are trained on, too, so that its numbers flatter the model"
                    )))
            #expect(try SmallRun.history("\(folder)/out").facts.evaluationSets?.first?.alsoTrained == 2)
        }
    }

    // MARK: - Tasks

    private func writeTask(_ folder: String) throws {
        let task = #"{"kind": "bitext", "name": "moons", "file": "moons.tsv", "first": "one", "second": "two"}"#
        try FileManager.default.createDirectory(atPath: "\(folder)/tasks", withIntermediateDirectories: true)
        try Folders.write(Array(task.utf8), "\(folder)/tasks/moons.json")
        try Folders.write(Array(("one\ttwo\n" + Self.pairs).utf8), "\(folder)/moons.tsv")
    }

    @Test func tasksAreMeasuredBeforeAndAfter() throws {
        try Folders.withTemporary { folder in
            try prepare(folder, steps: 12)
            try writeTask(folder)
            let tasks = "evaluation.tasks={\"files\": [\"\(folder)/tasks\"], \"data\": \"\(folder)\"}"
            let plan = try SmallRun.plan(folder, tasks)
            let output = "\(folder)/out"
            try SmallRun.run(plan, output)
            let history = try SmallRun.history(output)
            #expect(history.tasks.map(\.step) == [0, try #require(history.ending?.modelStep)])
            for record in history.tasks {
                #expect(record.sizes == [3072, 256, 128] && record.tasks.map(\.name) == ["moons"])
                #expect(record.tasks[0].items == 30 && record.tasks[0].skipped == 0)
            }
            // What castor evaluate says of the model.
            let evaluator = try Evaluator(
                .init(modelPath: "\(output)/model"), options: EvaluationOptions(dimensions: [3072, 256, 128]))
            let result = try evaluator.run(TaskFile(path: "\(folder)/tasks/moons.json", data: folder), prompts: false)
            #expect(history.tasks[1].tasks[0] == TaskRecord.Task(result))
            #expect(!FileManager.default.fileExists(atPath: "\(output)/start"))
            let card = String(decoding: try Folders.read("\(output)/model/README.md"), as: UTF8.self)
            #expect(card.contains("## Quality on tasks") && card.contains("| moons | "))
            try ReportChecks.expectComplete(
                String(decoding: try Folders.read("\(output)/report.html"), as: UTF8.self), hasTasks: true)

            for stop in [1, 11] {
                #expect(throws: RunError.interrupted(step: stop)) {
                    try SmallRun.run(plan, "\(folder)/\(stop)") { $0 == stop }
                }
                try SmallRun.run(plan, "\(folder)/\(stop)", resume: true)
                try SmallRun.expectSame(output, "\(folder)/\(stop)")
                #expect(try SmallRun.history("\(folder)/\(stop)").tasks.map(\.tasks) == history.tasks.map(\.tasks))
            }
        }
    }

    @Test func aTaskThatIsNotThereIsNamedBeforeTraining() throws {
        try Folders.withTemporary { folder in
            try prepare(folder, steps: 2)
            #expect(throws: RunError.evaluation(.notFound(path: "\(folder)/none.json"))) {
                try SmallRun.plan(folder, "evaluation.tasks={\"files\": [\"\(folder)/none.json\"]}")
            }
        }
    }
}
