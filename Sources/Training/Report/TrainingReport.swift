import Report

/// The report of a training: one HTML page that needs nothing else.
package struct TrainingReport: Sendable {
    package var history: TrainingHistory
    package var examples: [NeighborExample]

    package init(_ history: TrainingHistory, examples: [NeighborExample] = []) {
        self.history = history
        self.examples = examples
    }

    private var facts: TrainingFacts { history.facts }

    package var html: String {
        let sections = [
            head, beforeAndAfter, tasks, retrieval, sizes, loss, rate, stability, neighbors, data, recipe, reading,
        ]
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <title>Training report: \(HTML.escape(facts.name))</title>
            <style>
            \(ReportStyle.css)</style>
            </head>
            <body>
            <main>
            \(sections.joined())</main>
            </body>
            </html>

            """
    }

    // MARK: - Overview

    private var head: String {
        var html = "<header>\n<h1>\(HTML.escape(facts.name))</h1>\n<p class=\"soft\">Training report of Castor "
        html += "\(HTML.escape(facts.version)), model \(HTML.escape(facts.model)), started "
        html += "\(HTML.escape(facts.started))</p>\n<p>\(HTML.escape(summary))</p>\n<ul class=\"tiles\">\n"
        var tiles: [(String, String)] = []
        if let verdict = Verdict(history) {
            tiles.append(
                (
                    Figures.percent(verdict.after),
                    "found first; before: \(Figures.percent(verdict.before))".replacing(" %", with: "\u{a0}%")
                ))
        }
        tiles += [
            (Figures.grouped(history.steps.last?.step ?? 0), "steps"),
            (Figures.duration(history.seconds), "of training"),
            (Figures.grouped(facts.dataSets.reduce(0) { $0 + $1.pairs }), "pairs trained on"),
            (Figures.grouped(facts.parameters), "parameters"),
        ]
        for (value, name) in tiles { html += "<li><b>\(value)</b><span>\(HTML.escape(name))</span></li>\n" }
        return html + "</ul>\n</header>\n"
    }

    /// What a reader should know who reads one sentence.
    var summary: String {
        guard let verdict = Verdict(history) else {
            return
                "There is no evaluation on held-out pairs, so this report cannot say whether the model became better."
        }
        return "\(verdict.sentence) "
            + (history.ending.map { "Training ended because \($0.reason.rawValue)." } ?? "Training has not ended yet.")
    }

    private var beforeAndAfter: String {
        guard let before = history.before, let after = history.after else {
            return section("before-after", "Before and after", "<p>No evaluation was asked for.</p>\n")
        }
        func change(_ old: Double, _ new: Double, _ text: (Double) -> String) -> String {
            "\(text(old)) → \(text(new))"
        }
        var rows: [[String]] = []
        for (old, new) in zip(before.sets, after.sets) {
            for (name, a, b) in old.pairs(with: new) {
                rows.append([
                    "\(old.data), \(name)", change(a.recallAt1, b.recallAt1, Figures.percent),
                    change(a.recallAt5, b.recallAt5, Figures.percent),
                    change(a.recallAt10, b.recallAt10, Figures.percent),
                    change(a.reciprocalRank, b.reciprocalRank) { Figures.fixed($0, 3) },
                ])
            }
        }
        let table = HTML.table(
            ["Held-out pairs: before → after", "R@1", "R@5", "R@10", "MRR"], rows,
            caption: "Vectors of \(after.sets.first?.sizes.first?.size ?? facts.dimensions) values; "
                + after.sets.map {
                    "\($0.data): \(Figures.grouped($0.queries)) queries among \(Figures.grouped($0.candidates)) candidates, "
                        + "chance R@1 \(Figures.percent($0.chance))"
                }.joined(separator: "; "))
        return section(
            "before-after", "Before and after",
            "<p>R@k is the share of queries whose right answer is among the k nearest; MRR is the mean of 1 / its place. "
                + "Higher is better.</p>\n" + table)
    }

    /// Empty where the recipe has no tasks.
    private var tasks: String {
        guard let (sizes, changes) = history.taskChanges, let largest = sizes.first else { return "" }
        func text(_ value: Double?) -> String { value.map { Figures.fixed($0, 4) } ?? "-" }
        let table = HTML.table(
            ["Task", "Before", "After", "Chance", "Items"],
            changes.map { change in
                [
                    "\(change.task): \(change.metric)", text(change.before[0]), text(change.after[0]),
                    text(change.chance),
                    Figures.grouped(change.items),
                ]
            },
            caption:
                "Vectors of \(largest) values, contents \(history.tasks.last?.prompts == true ? "with" : "without") "
                + "their task's prompts")
        let bySize = HTML.table(
            ["Task"] + sizes.map { "\($0) before" } + sizes.map { "\($0) after" },
            changes.map { ["\($0.task): \($0.metric)"] + $0.before.map(text) + $0.after.map(text) },
            caption: "Every size")
        return section(
            "tasks", "Tasks",
            "<p>What <code>castor evaluate</code> says of the weights at the start and of the model: metrics of 0 to 1 and "
                + "correlations, higher is better.</p>\n" + table + HTML.details("Every size", bySize))
    }

    // MARK: - Plots

    private var retrieval: String {
        var series: [LinePlot.Series] = []
        for (index, set) in (history.before?.sets ?? []).enumerated() {
            let points = history.evaluations.compactMap { evaluation in
                evaluation.sets.first { $0.data == set.data }.map {
                    LinePlot.Point(x: Double(evaluation.step), y: $0.recallAt1)
                }
            }
            series.append(LinePlot.Series(name: set.data, points: points, hasMarks: true, color: index % 6 + 1))
        }
        let plot = LinePlot(
            title: "R@1 on held-out pairs over the steps", description: summary, xLabel: "step", yRange: 0...0.1,
            isPercent: true, series: series, marks: stageMarks)
        let rows = history.evaluations.map { evaluation in
            [Figures.grouped(evaluation.step)]
                + evaluation.sets.map { Figures.percent($0.recallAt1) } + [
                    evaluation.score(facts.metric).map { Figures.fixed($0, 4) } ?? "none"
                ]
        }
        let table = HTML.table(
            ["Step"] + (history.before?.sets.map { "R@1, \($0.data)" } ?? []) + ["Mean \(facts.metric.rawValue)"], rows,
            caption: "Every evaluation; the last column decides which checkpoint is the best")
        return section(
            "retrieval", "Retrieval over time",
            "<p>The mean of both directions, query to answer and answer to query, each weighed by how much differs in it. A line that still rises at its end asks "
                + "for more steps; one that falls while the loss falls shows overfitting.</p>\n"
                + figure("retrieval", plot, table))
    }

    private var sizes: String {
        guard let before = history.before, let after = history.after else {
            return section("sizes", "Quality by vector size", "<p>No evaluation was asked for.</p>\n")
        }
        func mean(_ evaluation: EvaluationRecord, _ size: Int) -> Double {
            let values = evaluation.sets.compactMap { $0.mean(size: size, \.recallAt1) }
            return values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
        }
        let sizes = (after.sets.first?.sizes.map(\.size) ?? []).sorted()
        func series(_ name: String, _ evaluation: EvaluationRecord, _ color: Int) -> LinePlot.Series {
            let points = sizes.map { LinePlot.Point(x: Double($0), y: mean(evaluation, $0)) }
            return LinePlot.Series(name: name, points: points, hasMarks: true, color: color)
        }
        let plot = LinePlot(
            title: "R@1 by the size of the vector", description: "R@1 before and after training for each vector size.",
            xLabel: "values of the vector", xScale: .logarithmic, yRange: 0...0.1, isPercent: true,
            series: [series("after", after, 1), series("before", before, 2)])
        let table = HTML.table(
            ["Values", "R@1 before", "R@1 after", "Share of the largest"],
            sizes.reversed().map { size in
                let (new, largest) = (mean(after, size), mean(after, sizes.last ?? size))
                return [
                    Figures.grouped(size), Figures.percent(mean(before, size)), Figures.percent(new),
                    largest > 0 ? Figures.percent(new / largest) : "none",
                ]
            }, caption: "Mean of both directions, each weighed by how much differs in it, and of all sets")
        return section(
            "sizes", "Quality by vector size",
            "<p>Any beginning of a vector is a vector. A smaller one needs less memory and loses some quality: this shows how "
                + "much.</p>\n" + figure("sizes", plot, table))
    }

    private var loss: String {
        var series: [LinePlot.Series] = []
        let names = Set(history.steps.map(\.data)).sorted()
        for (index, name) in names.enumerated() {
            let points = history.steps.filter { $0.data == name }.map { LinePlot.Point(x: Double($0.step), y: $0.loss) }
            let smooth = LinePlot.smoothed(points, span: max(1, Double(points.count) / 50))
            let color = index % 6 + 1
            series.append(LinePlot.Series(name: name, points: LinePlot.thinned(points), isFaint: true, color: color))
            series.append(LinePlot.Series(name: name, points: LinePlot.thinned(smooth), color: color))
        }
        let ends =
            "from \(Figures.short(history.steps.first?.loss ?? 0)) to \(Figures.short(history.steps.last?.loss ?? 0))"
        let plot = LinePlot(
            title: "Loss over the steps", description: "The loss of each step, \(ends).", xLabel: "step",
            series: series,
            marks: stageMarks)
        return section(
            "loss", "Loss",
            "<p>What training makes small, for the pairs it sees: thin as it was, thick smoothed. Its value means little by "
                + "itself; that it falls, and how it flattens, does.</p>\n"
                + figure("loss", plot, stepTable("Loss") { Figures.fixed($0.loss, 4) }))
    }

    private var rate: String {
        let points = history.steps.map { LinePlot.Point(x: Double($0.step), y: $0.rate) }
        let plot = LinePlot(
            title: "Learning rate over the steps",
            description: "The learning rate, at most \(Figures.short(points.map(\.y).max() ?? 0)).", xLabel: "step",
            yRange: 0...1e-9,
            series: [LinePlot.Series(name: "learning rate", points: LinePlot.thinned(points), color: 1)],
            marks: stageMarks)
        return section(
            "rate", "Learning rate",
            "<p>How far each step goes, as the recipe's schedule says.</p>\n"
                + figure("rate", plot, stepTable("Learning rate") { Figures.short($0.rate) }))
    }

    private var stability: String {
        func plot(_ name: String, _ what: String, _ value: (StepRecord) -> Double?) -> LinePlot {
            let points = history.steps.compactMap { step in
                value(step).map { LinePlot.Point(x: Double(step.step), y: $0) }
            }
            return LinePlot(
                title: "\(name) over the steps", description: what, xLabel: "step",
                series: [LinePlot.Series(name: name, points: LinePlot.thinned(points), color: 1)], marks: stageMarks)
        }
        let norm = plot("Gradient norm", "The length of the gradient of each step before clipping.") { $0.gradientNorm }
        let temperature = plot("Temperature", "The temperature of the contrastive loss.") { $0.temperature }
        return section(
            "stability", "Gradient and temperature",
            "<p>Sudden peaks of the gradient say that the learning rate is too high for some batches.</p>\n<h3>Gradient "
                + "norm</h3>\n" + figure("norm", norm, stepTable("Gradient norm") { Figures.short($0.gradientNorm) })
                + "<h3>Temperature</h3>\n"
                + figure(
                    "temperature", temperature,
                    stepTable("Temperature") { $0.temperature.map { Figures.short($0) } ?? "none" }))
    }

    private var stageMarks: [(x: Double, name: String)] {
        guard facts.stages.count > 1 else { return [] }
        return facts.stages.compactMap { stage in
            history.steps.first { $0.stage == stage }.map { (Double($0.step), stage) }
        }
    }

    /// Some steps, evenly spread, for those who do not see the plot.
    private func stepTable(_ name: String, _ value: (StepRecord) -> String) -> String {
        let (steps, limit) = (history.steps, 20)
        guard !steps.isEmpty else { return "" }
        let count = min(limit, steps.count)
        let chosen = (0..<count).map { steps[count == 1 ? 0 : $0 * (steps.count - 1) / (count - 1)] }
        return HTML.table(
            ["Step", name], chosen.map { [Figures.grouped($0.step), value($0)] },
            caption: count < steps.count
                ? "\(count) of \(Figures.grouped(steps.count)) steps; all are in metrics.jsonl" : "All steps")
    }

    private func figure(_ id: String, _ plot: LinePlot, _ table: String) -> String {
        "<figure>\n\(plot.legend)\(HTML.open(.plot))\n\(plot.svg(id: "plot-\(id)"))</div>\n"
            + "<figcaption>\(HTML.escape(plot.title))</figcaption>\n</figure>\n" + HTML.details("The numbers", table)
    }

    // MARK: - Examples, data, recipe

    private var neighbors: String {
        guard !examples.isEmpty else {
            return section("neighbors", "Nearest neighbours", "<p>There are no held-out pairs to show.</p>\n")
        }
        var html =
            "<p>Held-out queries, the answer that belongs to each, and the nearest answers before and after training. "
        html += "Pictures are as the model saw them; sounds are shown by their spectrograms.</p>\n"
        html += "\(HTML.open(.wide))<table class=\"neighbors\"><caption>Nearest first</caption>\n<thead><tr>"
        html += "<th scope=\"col\">Query</th><th scope=\"col\">Belongs to it</th><th scope=\"col\">Before</th>"
        html += "<th scope=\"col\">After</th></tr></thead>\n<tbody>\n"
        for example in examples {
            html += "<tr><td>\(example.query.html())</td><td>\(example.wanted.html())</td>"
            for answers in [example.before, example.after] {
                html += "<td>\(answers.map { $0.item.html(isRight: $0.isRight) }.joined())</td>"
            }
            html += "</tr>\n"
        }
        return section("neighbors", "Nearest neighbours", html + "</tbody></table></div>\n")
    }

    private var data: String {
        let rows = facts.dataSets.map {
            [
                $0.name, Figures.grouped($0.pairs), Figures.grouped($0.heldOut), String($0.sha256.prefix(16)),
                $0.license ?? "not stated",
            ]
        }
        let table = HTML.table(
            ["Data set", "Pairs trained on", "Held out", "SHA-256 (start)", "Licence"], rows,
            caption: "The whole hashes are in the model card")
        return section("data", "Data", table + evaluationData)
    }

    private var evaluationData: String {
        guard let sets = facts.evaluationSets else { return "" }
        return HTML.table(
            ["Evaluation set", "Pairs", "Trained on, too", "Chooses the checkpoint", "SHA-256 (start)", "Licence"],
            sets.map {
                [
                    $0.name, Figures.grouped($0.pairs), Figures.grouped($0.alsoTrained), $0.decides ? "yes" : "no",
                    String($0.sha256.prefix(16)), $0.license ?? "not stated",
                ]
            }, caption: "Never trained on; pairs that are equal to a training pair are counted where both are texts")
    }

    private var recipe: String {
        let last = history.steps.last
        let rows = [
            ["Seed", "\(facts.seed)"], ["Weights at the start", facts.start],
            ["Vector sizes trained for", facts.sizes.map(String.init).joined(separator: ", ")],
            ["Threads", "\(facts.threads)"], ["Peak memory", last.map { Figures.bytes($0.peakMemory) } ?? "unknown"],
            [
                "Tokens a second",
                history.seconds > 0
                    ? Figures.grouped(Int(Double(history.steps.reduce(0) { $0 + $1.tokens }) / history.seconds))
                    : "unknown",
            ],
        ]
        return section(
            "recipe", "Recipe",
            HTML.table(
                ["Setting", "Value"], rows, caption: "The same recipe, data, seed and threads give the same bits")
                + HTML.details("The whole recipe", "<pre>\(HTML.escape(facts.recipe))</pre>\n"))
    }

    private var reading: String {
        section(
            "reading", "How to read this",
            "<p>Trust the numbers on held-out pairs, not the loss. With few held-out queries a difference may be chance: with n "
                + "queries, a share p has a standard error of about the square root of p (1 - p) / n. Held-out pairs come from the "
                + "same source as the training pairs; on other data the model may do worse. A model that was fine-tuned on a narrow "
                + "set may have forgotten some of what it knew: compare it on other data before it replaces another.</p>\n"
        )
    }

    private func section(_ id: String, _ title: String, _ content: String) -> String {
        "<section id=\"\(id)\">\n<h2>\(HTML.escape(title))</h2>\n\(content)</section>\n"
    }
}

extension EvaluationRecord.SetScores {
    /// R@1 at the largest size, mean over what was asked both ways.
    var recallAt1: Double { mean(\.recallAt1) ?? 0 }

    /// Scores of both evaluations at the largest size, by direction.
    func pairs(
        with other: EvaluationRecord.SetScores
    ) -> [(name: String, before: EvaluationRecord.Scores, after: EvaluationRecord.Scores)] {
        guard let a = sizes.first, let b = other.sizes.first else { return [] }
        return [("query to answer", a.forward, b.forward), ("answer to query", a.backward, b.backward)]
    }
}

extension EvaluationRecord {
    /// R@1 at the largest size, mean over directions and sets.
    package var recallAt1: Double {
        sets.isEmpty ? 0 : sets.reduce(0) { $0 + $1.recallAt1 } / Double(sets.count)
    }
}
