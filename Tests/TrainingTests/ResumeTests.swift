import CastorNumerics
import Encoder
import FoundationEssentials
import TestSupport
import Testing
import Training

/// What a process leaves that ends without a word: the folder as it is at any moment of a training. Going on from it gives
/// what the whole training gave, and what it says belongs together.
@Suite struct ResumeTests {
    /// Copies of a training's folder, one at each event that it reports.
    private func snapshots(_ plan: RunPlan, _ output: String) throws -> [String] {
        var copies: [String] = []
        let run = TrainingRun(
            plan, try RunFolder(path: output), WorkerPool(threads: 2), isResumed: false, version: "test")
        var failure: (any Error)?
        try run(isInterrupted: { false }) { _ in
            let copy = "\(output)-\(copies.count)"
            copies.append(copy)
            do { try FileManager.default.copyItem(atPath: output, toPath: copy) } catch { failure = error }
        }
        if let failure { throw failure }
        return copies
    }

    @Test func everyMomentCanBeGoneOnFrom() throws {
        try Folders.withTemporary { folder in
            try SmallRun.prepare(folder)
            let plan = try SmallRun.plan(folder, "stages[0].accumulate=2")
            let output = "\(folder)/whole"
            for copy in try snapshots(plan, output) {
                try expectBestOfHistory(plan, copy)
                try SmallRun.run(plan, copy, resume: true)
                try SmallRun.expectSame(output, copy)
            }
        }
    }

    /// Stops before another step, with other threads, which may judge later steps otherwise.
    private func expectBestOfHistory(_ plan: RunPlan, _ output: String) throws {
        do { try SmallRun.run(plan, output, resume: true, threads: 1) { _ in true } } catch RunError.interrupted {}
        guard let best = try SmallRun.history(output).best else { return }
        let file = try SafeTensors(path: "\(output)/checkpoints/best")
        #expect(file.metadata["castor.step"] == "\(best.step)", "\(output)")
    }

    /// Other threads give other last digits, and the same ones each time.
    @Test func otherThreadsGoOnAlikeEachTime() throws {
        try Folders.withTemporary { folder in
            try SmallRun.prepare(folder)
            let plan = try SmallRun.plan(folder)
            #expect(throws: RunError.interrupted(step: 6)) { try SmallRun.run(plan, "\(folder)/a") { $0 == 6 } }
            try FileManager.default.copyItem(atPath: "\(folder)/a", toPath: "\(folder)/b")
            for output in ["a", "b"] { try SmallRun.run(plan, "\(folder)/\(output)", resume: true, threads: 1) }
            try SmallRun.expectSame("\(folder)/a", "\(folder)/b")
        }
    }

    /// A folder whose best checkpoint is of another course of events, as earlier versions could leave one: it does not become
    /// the model, and that is said.
    @Test func aStrangeBestDoesNotBecomeTheModel() throws {
        try Folders.withTemporary { folder in
            // Nothing gets better after the evaluation before the first step.
            try SmallRun.prepare(folder, steps: 8, rate: 1e-12)
            let (plan, output) = (try SmallRun.plan(folder, "evaluation.every=4"), "\(folder)/out")
            #expect(throws: RunError.interrupted(step: 6)) { try SmallRun.run(plan, output) { $0 == 6 } }
            try Folders.write(try Folders.read("\(output)/checkpoints/last"), "\(output)/checkpoints/best")
            let events = try SmallRun.run(plan, output, resume: true)
            let history = try SmallRun.history(output)
            #expect(history.best?.step == 0 && history.ending?.modelStep == 8)
            #expect(events.contains { if case .note(let text) = $0 { text.contains("step 0") } else { false } })
        }
    }

    /// A loss that explodes: the same verdict after the same step when the watch was written and read on the way.
    @Test func theWatchOverTheLossSurvivesAStop() throws {
        var losses = [Double](repeating: 1, count: 20)
        for step in 0..<90 { losses.append(0.3 + 0.001 * Double(step * step)) }
        func verdict(stop: Int?) throws -> (step: Int, reason: String)? {
            var watch = ExplosionWatch()
            for (step, loss) in losses.enumerated() {
                if step == stop {
                    watch = try JSONDecoder().decode(ExplosionWatch.self, from: JSONEncoder().encode(watch))
                }
                if let reason = watch.add(loss) { return (step, reason) }
            }
            return nil
        }
        let whole = try #require(try verdict(stop: nil))
        #expect(whole.step > 80 && whole.reason.hasPrefix("the mean loss of the last 20 steps is"))
        for stop in losses.indices {
            let resumed = try #require(try verdict(stop: stop))
            #expect(resumed == whole, "stopped before step \(stop)")
        }
    }

    private struct Notes: Decodable {
        struct Watch: Decodable {
            let first: [Double]
            let last: [Double]
        }
        let watch: Watch
    }

    /// What a checkpoint says that the watch has seen is what the metrics say, before and after a stop.
    @Test func checkpointsHoldWhatTheWatchHasSeen() throws {
        try Folders.withTemporary { folder in
            try SmallRun.prepare(folder, steps: 50)
            let (plan, output) = (try SmallRun.plan(folder, "evaluation.heldOut=0"), "\(folder)/out")
            func expectSeen() throws {
                let file = try SafeTensors(path: "\(output)/checkpoints/last")
                let text = try #require(file.metadata["note.run"])
                let notes = try JSONDecoder().decode(Notes.self, from: Data(text.utf8))
                let losses = try SmallRun.history(output).steps.map(\.loss)
                #expect(notes.watch.first == Array(losses.prefix(20)))
                #expect(notes.watch.last == Array(losses.dropFirst(20).suffix(20)))
            }
            for (steps, reached) in [(13, 13), (15, 28), (17, 45)] {
                #expect(throws: RunError.interrupted(step: reached)) {
                    try SmallRun.run(plan, output, resume: true) { $0 == steps }
                }
                try expectSeen()
            }
        }
    }
}
