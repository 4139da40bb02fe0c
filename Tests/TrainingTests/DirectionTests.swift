import Testing
import Training

/// The mean of both directions, of which one has many more queries.
@Suite struct DirectionTests {
    @Test func theReportHasOneMean() throws {
        typealias Scores = EvaluationRecord.Scores
        func record(_ step: Int, _ forward: Double) -> EvaluationRecord {
            func scores(_ value: Double) -> Scores {
                Scores(recallAt1: value, recallAt5: value, recallAt10: value, reciprocalRank: value)
            }
            // Ten texts, two labels.
            var set = EvaluationRecord.SetScores(
                data: "x", queries: 10, candidates: 2, chance: 0.09,
                sizes: [3072, 256].map { .init(size: $0, forward: scores(forward), backward: scores(1)) })
            set.answers = 2
            return EvaluationRecord(step: step, stage: "s", sets: [set], seconds: 1)
        }
        var history = TrainingHistory(
            facts: TrainingFacts(
                name: "x", recipe: "{}", seed: 1, model: "m", start: "s", parameters: 1, width: 1, dimensions: 3072,
                sizes: [3072, 256], metric: .recallAt1, dataSets: [], stages: ["s"], totalSteps: 5, threads: 1,
                version: "test", started: "today"))
        history.steps = (1...5).map {
            StepRecord(
                step: $0, stage: "s", data: "x", loss: 1, rate: 0.1, gradientNorm: 1, temperature: nil, tokens: 1,
                contents: 1, seconds: 1, peakMemory: 1)
        }
        history.evaluations = [record(0, 0.4), record(5, 0.7)]
        let after = try #require(history.after)
        #expect(abs(after.recallAt1 - 0.75) < 1e-12)
        #expect(after.sets[0].mean(size: 256, \.recallAt1) == after.sets[0].mean(\.recallAt1))
        let html = TrainingReport(history).html
        let sections = html.components(between: "<section id=\"", and: "</section>")
        for name in ["retrieval", "sizes"] {
            let section = try #require(sections.first { $0.hasPrefix(name) })
            #expect(section.contains("75.0 %") && section.contains("50.0 %") && !section.contains("85.0 %"), "\(name)")
        }
        #expect(html.contains("guessing gives 9.0 %"))
    }
}

extension String {
    fileprivate func components(between start: String, and end: String) -> [Substring] {
        split(separator: start).dropFirst().map { $0.split(separator: end)[0] }
    }
}
