import Castor
import CastorNumerics
import Encoder
import FoundationEssentials
import TestSupport
import Testing
import Training

/// A training from a plan to a model, interrupted and damaged in every way that can be arranged in one process; what
/// needs a process of its own is in CLITests.
@Suite struct RunTests {
    @Test func wholeTraining() throws {
        try Folders.withTemporary { folder in
            try SmallRun.prepare(folder, steps: 60)
            try SmallRun.run(SmallRun.plan(folder), "\(folder)/deep/out")
            let output = "\(folder)/deep/out"
            let history = try SmallRun.history(output)
            #expect(history.steps.map(\.step) == Array(1...60))
            #expect(history.evaluations.map(\.step) == Array(stride(from: 0, through: 60, by: 5)))
            let (before, after) = (try #require(history.before), try #require(history.after))
            #expect(
                after.recallAt1 > before.recallAt1 + 0.3, "R@1 \(before.recallAt1) before, \(after.recallAt1) after")
            #expect(history.ending?.reason == .allSteps)
            #expect(before.sets[0].sizes.map(\.size) == [3072, 256, 128])

            let embedder = try Embedder(modelPath: "\(output)/model")
            #expect(embedder.info.state == "trained")
            _ = try embedder.embed(Content("a red circle on grass"))
            let card = String(decoding: try Folders.read("\(output)/model/README.md"), as: UTF8.self)
            for words in [
                history.facts.dataSets[0].sha256, "seed 7", "State: trained", "## Limits", "\"symmetric\" : true",
            ] {
                #expect(card.contains(words), "\(words)")
            }
            try ReportChecks.expectComplete(String(decoding: try Folders.read("\(output)/report.html"), as: UTF8.self))
        }
    }

    @Test(arguments: [1, 4, 5, 9, 11])
    func interruptedEqualsUninterrupted(stop: Int) throws {
        try Folders.withTemporary { folder in
            try SmallRun.prepare(folder)
            let plan = try SmallRun.plan(folder)
            try SmallRun.run(plan, "\(folder)/whole")
            #expect(throws: RunError.interrupted(step: stop)) {
                try SmallRun.run(plan, "\(folder)/parts") { $0 == stop }
            }
            try SmallRun.run(plan, "\(folder)/parts", resume: true)
            try SmallRun.expectSame("\(folder)/whole", "\(folder)/parts")
        }
    }

    /// A stop on each side of the border between two stages, one after the other in the same training.
    @Test func interruptedBetweenStages() throws {
        try Folders.withTemporary { folder in
            try SmallRun.prepare(folder, steps: 6, stages: 2)
            let plan = try SmallRun.plan(folder)
            try SmallRun.run(plan, "\(folder)/whole")
            #expect(throws: RunError.interrupted(step: 5)) { try SmallRun.run(plan, "\(folder)/parts") { $0 == 5 } }
            for (steps, reached) in [(1, 6), (1, 7)] {
                #expect(throws: RunError.interrupted(step: reached)) {
                    try SmallRun.run(plan, "\(folder)/parts", resume: true) { $0 == steps }
                }
            }
            try SmallRun.run(plan, "\(folder)/parts", resume: true)
            try SmallRun.expectSame("\(folder)/whole", "\(folder)/parts")
        }
    }

    /// What a training has said to be saved is there after a power cut, and it goes on from there as if nothing had been.
    @Test func aPowerCutTakesNoCheckpoint() throws {
        try Folders.withTemporary { folder in
            try SmallRun.prepare(folder)
            let plan = try SmallRun.plan(folder)
            try SmallRun.run(plan, "\(folder)/whole")
            let disk = try FragileDisk()
            let output = "\(disk.path)/runs/parts"
            for (steps, reached) in [(3, 3), (2, 5)] {
                try disk.cutAfter {
                    #expect(throws: RunError.interrupted(step: reached)) {
                        try SmallRun.run(plan, output, resume: reached > 3) { $0 == steps }
                    }
                }
            }
            try disk.cutAfter { try SmallRun.run(plan, output, resume: true) }
            try SmallRun.expectSame("\(folder)/whole", output)
        }
    }

    @Test func whatChangesTheTrainingIsRefused() throws {
        try Folders.withTemporary { folder in
            try SmallRun.prepare(folder)
            let output = "\(folder)/out"
            #expect(throws: RunError.interrupted(step: 3)) {
                try SmallRun.run(SmallRun.plan(folder), output) { $0 == 3 }
            }
            let changes = [
                ("stages[0].schedule.peak=0.004", "0.005", "0.004"), ("seed=8", "7", "8"),
                ("stages[0].data[0].batch=16", "32", "16"),
            ]
            for (change, was, now) in changes {
                let key = String(change.prefix { $0 != "=" })
                #expect(throws: RunError.changed(key: key, was: was, now: now)) {
                    try SmallRun.run(SmallRun.plan(folder, change), output, resume: true)
                }
            }
            #expect(throws: RunError.interrupted(step: 4)) {
                try SmallRun.run(SmallRun.plan(folder, "workers=0", "name=other"), output, resume: true) { $0 == 1 }
            }
            let pairs = try Folders.read("\(folder)/pairs.tsv")
            try Folders.write(pairs + Array("a\tb\n".utf8), "\(folder)/pairs.tsv")
            let error = #expect(throws: RunError.self) { try SmallRun.run(SmallRun.plan(folder), output, resume: true) }
            guard case .changed(key: "data set pairs.tsv", _, _)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            try Folders.write(pairs, "\(folder)/pairs.tsv")
            try SmallRun.run(SmallRun.plan(folder), output, resume: true)
        }
    }

    @Test func aDamagedCheckpointIsRefused() throws {
        try Folders.withTemporary { folder in
            try SmallRun.prepare(folder)
            let (plan, output) = (try SmallRun.plan(folder), "\(folder)/out")
            #expect(throws: RunError.interrupted(step: 3)) { try SmallRun.run(plan, output) { $0 == 3 } }
            let path = "\(output)/checkpoints/last"
            let whole = try Folders.read(path)
            var random = SeededGenerator(seed: 5)
            var places = (0..<6).map { _ in random.next(below: whole.count) }
            places += [whole.count - 1, 9, 200]
            for place in places {
                var bytes = whole
                bytes[place] ^= 0x10
                try Folders.write(bytes, path)
                #expect(throws: RunError.self, "bit of byte \(place)") { try SmallRun.run(plan, output, resume: true) }
            }
            for length in [0, 7, 100, whole.count / 2, whole.count - 1] {
                try Folders.write(Array(whole.prefix(length)), path)
                #expect(throws: RunError.self, "\(length) bytes") { try SmallRun.run(plan, output, resume: true) }
            }
            try Folders.write(whole, path)
            try SmallRun.run(plan, output, resume: true)
        }
    }

    @Test func divergenceLeavesTheLastCheckpoint() throws {
        try Folders.withTemporary { folder in
            try SmallRun.prepare(folder, rate: 1e30)
            let output = "\(folder)/out"
            let error = #expect(throws: RunError.self) { try SmallRun.run(SmallRun.plan(folder), output) }
            guard case .diverged(let step, _, let last)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(step >= 2 && last == 0)
            // The checkpoint that is left is sound, and it is the one from before the first step.
            #expect(throws: RunError.self) { try SmallRun.run(SmallRun.plan(folder), output, resume: true) }
            #expect(try SafeTensors(path: "\(output)/checkpoints/last").metadata["castor.step"] == "0")
            #expect(try SafeTensors(path: "\(output)/checkpoints/best").metadata["castor.step"] == "0")
        }
    }

    @Test func earlyStopping() throws {
        try Folders.withTemporary { folder in
            try SmallRun.prepare(folder, steps: 400, rate: 1e-12)
            let events = try SmallRun.run(SmallRun.plan(folder, "evaluation.patience=3"), "\(folder)/out")
            let history = try SmallRun.history("\(folder)/out")
            #expect(history.ending?.reason == .noProgress)
            #expect(history.steps.count < 100)
            // Whoever asked for steps is told that the model has fewer, maybe none.
            let (chosen, last) = (try #require(history.ending?.modelStep), history.steps.count)
            #expect(chosen < last)
            #expect(
                events.contains(
                    .note(
                        "no evaluation was better than that after step \(chosen) of \(last): the model is of step \(chosen)"
                    )))
        }
    }

    /// Stopped at every step around the evaluation that ends it.
    @Test func earlyStoppingSurvivesInterruption() throws {
        try Folders.withTemporary { folder in
            try SmallRun.prepare(folder, steps: 100, rate: 1e-12)
            let plan = try SmallRun.plan(folder, "evaluation.patience=3")
            try SmallRun.run(plan, "\(folder)/whole")
            let last = try #require(try SmallRun.history("\(folder)/whole").steps.last).step
            for stop in [last - 1, last] {
                #expect(throws: RunError.interrupted(step: stop)) {
                    try SmallRun.run(plan, "\(folder)/\(stop)") { $0 == stop }
                }
                try SmallRun.run(plan, "\(folder)/\(stop)", resume: true)
                try SmallRun.expectSame("\(folder)/whole", "\(folder)/\(stop)")
            }
        }
    }

    /// Steps count on from those that were made, not from those that were planned.
    @Test func stepsAreNumberedWithoutGaps() throws {
        try Folders.withTemporary { folder in
            try SmallRun.prepare(folder, steps: 40, rate: 1e-12, stages: 2)
            let plan = try SmallRun.plan(folder, "evaluation.patience=2")
            try SmallRun.run(plan, "\(folder)/whole")
            let history = try SmallRun.history("\(folder)/whole")
            let last = try #require(history.steps.last)
            #expect(last.stage == "stage 2" && last.step < 80)
            #expect(history.steps.map(\.step) == Array(1...last.step))
            let border = try #require(history.steps.first { $0.stage == "stage 2" }).step
            #expect(border <= 40)
            for stop in [border - 1, border, border + 1] {
                #expect(throws: RunError.interrupted(step: stop)) {
                    try SmallRun.run(plan, "\(folder)/\(stop)") { $0 == stop }
                }
                try SmallRun.run(plan, "\(folder)/\(stop)", resume: true)
                try SmallRun.expectSame("\(folder)/whole", "\(folder)/\(stop)")
            }
        }
    }

    /// Nothing to evaluate on: the last weights become the model, also after a stop in the second stage.
    @Test func withoutHeldOutPairs() throws {
        try Folders.withTemporary { folder in
            try SmallRun.prepare(folder, steps: 4, stages: 2)
            let plan = try SmallRun.plan(folder, "evaluation.heldOut=0")
            try SmallRun.run(plan, "\(folder)/whole")
            #expect(throws: RunError.interrupted(step: 6)) { try SmallRun.run(plan, "\(folder)/out") { $0 == 6 } }
            try SmallRun.run(plan, "\(folder)/out", resume: true)
            try SmallRun.expectSame("\(folder)/whole", "\(folder)/out")
            let report = String(decoding: try Folders.read("\(folder)/out/report.html"), as: UTF8.self)
            try ReportChecks.expectComplete(report, plots: 4)
        }
    }

    /// A JSONL of queries with vectors: something to follow is asked for before training begins.
    @Test func queriesAloneNeedATeacherLoss() throws {
        try Folders.withTemporary { folder in
            try SmallRun.prepare(folder, steps: 4)
            let lines = (1...20).map { #"{"query": {"parts": [{"text": "circle \#($0)"}]}, "teacher": [0.6, 0.8]}"# }
            try Folders.write(Array(lines.joined(separator: "\n").utf8), "\(folder)/alone.jsonl")
            let alone = #"stages[0].data[1]={"path": "\#(folder)/alone.jsonl", "batch": 2}"#
            let reason = "stages[0].data[1]: its samples have no positives, and the stage follows no teacher"
            #expect(throws: RunError.recipe(reason: reason, isMissing: false)) { try SmallRun.plan(folder, alone) }
            let plan = try SmallRun.plan(
                folder, alone, #"stages[0].loss.teacherCosine={"size": 2}"#, "stages[0].loss.sizes=[256]")
            try SmallRun.run(plan, "\(folder)/out")
        }
    }

    @Test func oneFolderOneTraining() throws {
        try Folders.withTemporary { folder in
            let first = try RunFolder(path: "\(folder)/out")
            #expect(throws: RunError.locked(path: "\(folder)/out")) { try RunFolder(path: "\(folder)/out") }
            withExtendedLifetime(first) {}
        }
    }
}
