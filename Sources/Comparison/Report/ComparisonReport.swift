import FoundationEssentials
import Report

/// The report of a comparison: one HTML page that needs nothing else.
package struct ComparisonReport {
    private let comparison: Comparison
    private let sample: [(reference: Double, candidate: Double)]
    private let labels: ContentLabels
    private let version: String

    package init(_ result: Comparer.Result, labels: ContentLabels = .none, version: String) {
        (comparison, sample) = (result.comparison, result.sample)
        (self.labels, self.version) = (labels, version)
    }

    private var whole: Comparison.Group { comparison.groups[0] }
    private var largest: Comparison.SizeResult { whole.sizes[0] }

    package var html: String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8"/>
        <meta name="viewport" content="width=device-width, initial-scale=1"/>
        <title>Comparison of vectors</title>
        <style>
        \(ReportStyle.css)</style>
        </head>
        <body>
        <main>
        \(head)\(sizes)\(neighbors)\(scores)\(modalities)\(judged)\(maps)\(differences)\(files)\(reading)</main>
        </body>
        </html>

        """
    }

    // MARK: - Overview

    private var head: String {
        let tiles: [(String, String)] = [
            (Figures.percent(largest.overlap[2].value), "of the ten nearest are the same"),
            (number(largest.spearman?.value), "rank correlation of all similarities"),
            (Figures.grouped(comparison.joined), "items in both files"),
            (Figures.percent(largest.firstFound[2].value), "of first hits found in the first ten"),
        ]
        var html =
            "<header>\n<h1>Comparison of vectors</h1>\n<p class=\"soft\">Castor \(HTML.escape(version)); reference "
        html += "\(HTML.escape(name(comparison.reference.path))), candidate "
        html +=
            "\(HTML.escape(name(comparison.candidate.path)))</p>\n<p>\(HTML.escape(summary))</p>\n<ul class=\"tiles\">\n"
        for (value, text) in tiles { html += "<li><b>\(value)</b><span>\(HTML.escape(text))</span></li>\n" }
        return html + "</ul>\n</header>\n"
    }

    /// What a reader should know who reads one sentence.
    package var summary: String {
        let overlap = largest.overlap[2].value
        let words =
            switch overlap {
            case 0.9...: "nearly the same neighbours"
            case 0.6..<0.9: "largely the same neighbours"
            case 0.3..<0.6: "partly the same neighbours"
            default: overlap > 3 * whole.chance[2] ? "mostly other neighbours" : "unrelated neighbours"
            }
        var text =
            "The two systems find \(words): of the ten items nearest to an item in the reference, the candidate finds "
            + "\(Figures.percent(overlap)) among its own ten (by chance \(Figures.percent(whole.chance[2])))."
        if let best = comparison.maps.max(by: { $0.overlapAt10 < $1.overlapAt10 }) {
            text +=
                " A linear map from candidate to reference, fitted on half of the items, finds \(Figures.percent(best.overlapAt10)) "
                + "for the other half."
        }
        return text
    }

    private func name(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

    private func number(_ value: Double?) -> String { value.map { Figures.fixed($0, 3) } ?? "-" }

    private func interval(_ estimate: Estimate?) -> String {
        guard let estimate else { return "-" }
        guard let low = estimate.low, let high = estimate.high else { return number(estimate.value) }
        return "\(number(estimate.value)) (\(number(low)) to \(number(high)))"
    }

    private func section(_ id: String, _ title: String, _ content: String) -> String {
        "<section id=\"\(id)\">\n<h2>\(HTML.escape(title))</h2>\n\(content)</section>\n"
    }

    private func figure(_ id: String, _ plot: LinePlot, _ table: String) -> String {
        "<figure>\n\(plot.legend)\(HTML.open(.plot))\n\(plot.svg(id: "plot-\(id)"))</div>\n"
            + "<figcaption>\(HTML.escape(plot.title))</figcaption>\n</figure>\n" + HTML.details("The numbers", table)
    }

    // MARK: - Curves

    private var sizes: String {
        func series(_ name: String, _ color: Int, _ value: (Comparison.SizeResult) -> Double?) -> LinePlot.Series {
            LinePlot.Series(
                name: name,
                points: whole.sizes.reversed().compactMap { size in
                    value(size).map { LinePlot.Point(x: Double(size.size), y: $0) }
                }, hasMarks: true, color: color)
        }
        let plot = LinePlot(
            title: "Agreement by the size of the vector",
            description: "Rank correlation, CKA and overlap of the ten nearest for each vector size.",
            xLabel: "values of the vector", xScale: .logarithmic, yRange: 0...1,
            series: [
                series("rank correlation", 1) { $0.spearman?.value }, series("CKA", 2) { $0.cka?.value },
                series("overlap at 10", 3) { $0.overlap[2].value },
            ])
        let table = HTML.table(
            ["Values", "Spearman", "Pearson", "CKA", "Overlap at 10", "Rank-biased overlap"],
            whole.sizes.map {
                [
                    Figures.grouped($0.size), interval($0.spearman), interval($0.pearson), interval($0.cka),
                    interval($0.overlap[2]), interval($0.rankBiasedOverlap),
                ]
            }, caption: "In brackets the interval that holds the value in 95 of 100 samples like this one")
        return section(
            "sizes", "Agreement by vector size",
            "<p>The rank correlation says whether pairs that are alike to one system are alike to the other; CKA whether the two "
                + "spaces are a rotation of each other; the overlap whether a search finds the same. 1 is full agreement.</p>\n"
                + figure("sizes", plot, table))
    }

    private var neighbors: String {
        let size = largest
        func points(_ values: [Estimate]) -> [LinePlot.Point] {
            zip(cutoffs, values).map { LinePlot.Point(x: Double($0), y: $1.value) }
        }
        let plot = LinePlot(
            title: "Neighbours in common", description: "Overlap of the k nearest neighbours, by k, and by chance.",
            xLabel: "nearest neighbours looked at", xScale: .logarithmic, yRange: 0...1, isPercent: true,
            series: [
                .init(name: "same among the first k", points: points(size.overlap), hasMarks: true, color: 1),
                .init(
                    name: "the reference's first among the first k", points: points(size.firstFound), hasMarks: true,
                    color: 2),
                .init(
                    name: "same by chance", points: points(whole.chance.map { Estimate($0) }), hasMarks: true, color: 3),
            ])
        let table = HTML.table(
            ["k", "Same among the first k", "Reference's first found", "Same by chance"],
            cutoffs.indices.map {
                [
                    "\(cutoffs[$0])", interval(size.overlap[$0]), interval(size.firstFound[$0]),
                    number(whole.chance[$0]),
                ]
            }, caption: "Each item asks for its neighbours among all others")
        return section(
            "neighbors", "Neighbours in common",
            "<p>What changes for somebody who searches: how much of a result list stays the same.</p>\n"
                + figure("neighbors", plot, table))
    }

    private var cutoffs: [Int] { SimilarityStructure.cutoffs }

    // MARK: - Scores

    private var scores: String {
        let map = comparison.calibration.map
        let plot = DensityPlot(
            title: "Similarity of the same pairs in both systems",
            description: "Each pair of items by its cosine in candidate and reference; the line maps equal quantiles.",
            xLabel: "cosine, candidate", yLabel: "cosine, reference",
            points: sample.map { ($0.candidate, $0.reference) }, line: Array(zip(map.from, map.to)).map { ($0, $1) })
        let steps = [0, 10, 25, 50, 75, 90, 95, 99, 100]
        let table = HTML.table(
            ["Share of pairs below", "Candidate's score", "The same in the reference"],
            steps.map { ["\($0) %", number(map.from[$0]), number(map.to[$0])] },
            caption: "Thresholds to use instead of the reference's")
        return section(
            "scores", "Scores",
            "<p>Scores of two systems cannot be compared as they are. With the line, a candidate's score becomes the reference's: on "
                + "\(Figures.grouped(comparison.calibration.pairs)) other pairs they then differ by "
                + "\(number(comparison.calibration.differenceAfter)) on average, by "
                + "\(number(comparison.calibration.differenceBefore)) without it.</p>\n<figure>\n\(HTML.open(.plot))\n"
                + plot.svg(id: "plot-scores")
                + "</div>\n<figcaption>\(HTML.escape(plot.title)); the darker, the more of "
                + "\(Figures.grouped(sample.count)) sampled pairs</figcaption>\n</figure>\n" + table)
    }

    private var modalities: String {
        guard comparison.groups.count > 1 else { return "" }
        let rows = comparison.groups.dropFirst().map { group -> [String] in
            let size = group.sizes[0]
            return [
                "\(group.queries) to \(group.candidates)", Figures.grouped(group.queryCount),
                Figures.grouped(group.candidateCount), number(size.spearman?.value), number(size.cka?.value),
                number(size.overlap[0].value), number(size.overlap[2].value), number(group.chance[2]),
            ]
        }
        return section(
            "modalities", "Kinds of contents",
            "<p>Queries of one kind among candidates of one kind.</p>\n"
                + HTML.table(
                    ["Pair", "Queries", "Candidates", "Spearman", "CKA", "Overlap at 1", "Overlap at 10", "By chance"],
                    rows, caption: "Vectors of \(largest.size) values"))
    }

    private var judged: String {
        guard let judged = comparison.judged else { return "" }
        return section(
            "judged", "Against judgments of relevance",
            "<p>\(Figures.grouped(judged.queries)) queries among \(Figures.grouped(judged.documents)) documents. The last column is the "
                + "probability of a difference as large as this if both were equally good; below 0.05 one speaks of a difference.</p>\n"
                + HTML.table(
                    ["Measure", "Reference", "Candidate", "Difference", "Probability"],
                    judged.measures.map {
                        [
                            $0.name, number($0.reference), number($0.candidate), interval($0.difference),
                            Figures.fixed($0.probability, 4),
                        ]
                    }, caption: "Paired randomisation test with 10,000 rounds"))
    }

    private var maps: String {
        guard !comparison.maps.isEmpty else { return "" }
        return section(
            "maps", "Moving without embedding anew",
            "<p>A linear map from candidate to reference lets the candidate's queries search vectors of the reference. Fitted on one half "
                + "of the items, judged on the other: how much of the reference's own result a mapped query finds.</p>\n"
                + HTML.table(
                    ["Map", "Fitted on", "Judged on", "Mean cosine", "Own item first", "Overlap at 10", "By chance"],
                    comparison.maps.map {
                        [
                            $0.kind.rawValue, Figures.grouped($0.fitted), Figures.grouped($0.judged), number($0.cosine),
                            Figures.percent($0.recallAt1), Figures.percent($0.overlapAt10),
                            Figures.percent($0.chanceAt10),
                        ]
                    }, caption: "castor map fit writes such a map to a file"))
    }

    private var differences: String {
        guard !comparison.differences.isEmpty else { return "" }
        var html =
            "<p>Pairs whose place among all pairs differs most. The percentage is the share of pairs that are less alike.</p>\n"
        html +=
            "\(HTML.open(.wide))<table class=\"neighbors\"><caption>Largest difference first</caption>\n<thead><tr>"
        html += "<th scope=\"col\">One item</th><th scope=\"col\">The other</th><th scope=\"col\">Reference</th>"
        html += "<th scope=\"col\">Candidate</th></tr></thead>\n<tbody>\n"
        for pair in comparison.differences {
            html += "<tr><td>\(item(pair.first))</td><td>\(item(pair.second))</td>"
            html += "<td>\(number(pair.reference)), \(Figures.percent(pair.referenceRank))</td>"
            html += "<td>\(number(pair.candidate)), \(Figures.percent(pair.candidateRank))</td></tr>\n"
        }
        return section("differences", "Where they disagree most", html + "</tbody></table></div>\n")
    }

    private func item(_ key: String) -> String {
        var html = "<span class=\"item\">"
        for piece in labels(key) {
            switch piece {
            case .text(let text): html += "<span>\(HTML.escape(text))</span>"
            case .picture(let bytes, let name):
                html +=
                    "<img alt=\"\(HTML.escape(name))\" src=\"data:image/jpeg;base64,\(Data(bytes).base64EncodedString())\"/>"
            }
        }
        return html + "</span>"
    }

    // MARK: - Files

    private var files: String {
        func row(_ name: String, _ side: Comparison.Side) -> [String] {
            [
                name, Figures.grouped(side.rows), Figures.grouped(side.dimensions),
                Figures.fixed(side.checks.leastNorm, 4),
                Figures.fixed(side.checks.greatestNorm, 4), Figures.grouped(side.checks.notUnit),
                Figures.grouped(side.checks.duplicates),
            ]
        }
        let table = HTML.table(
            ["File", "Vectors", "Values", "Least length", "Greatest", "Not of length 1", "Equal to an earlier one"],
            [row("reference", comparison.reference), row("candidate", comparison.candidate)],
            caption:
                "\(Figures.grouped(comparison.joined)) keys in common; \(Figures.grouped(comparison.missing)) only in the "
                + "reference, \(Figures.grouped(comparison.extra)) only in the candidate")
        var problems: [[String]] = []
        for (name, side) in [("reference", comparison.reference), ("candidate", comparison.candidate)] {
            problems += side.problems.map { [name, $0.problem.rawValue, Figures.grouped($0.count), $0.first] }
        }
        return section(
            "files", "Files",
            table
                + (problems.isEmpty
                    ? "<p>Every line of both files could be used.</p>\n"
                    : HTML.table(
                        ["File", "Left out", "Count", "The first"], problems, caption: "Lines that were not used")))
    }

    private var reading: String {
        section(
            "reading", "How to read this",
            "<p>None of these numbers says which system is better, except those against judgments of relevance: agreement with the "
                + "reference is agreement, not quality. Overlap falls as items become many and alike; hold it against the "
                + "column \"by chance\". Few items make wide intervals. Numbers hold for contents like these: compare on your own.</p>\n"
                + "<p>The words at the top are a judgement and no measurement: \"nearly\" stands for 90 % and more of the ten nearest, "
                + "\"largely\" for 60 %, \"partly\" for 30 %, \"mostly other\" for less, as long as it is three times what chance gives. "
                + "What is enough depends on what is searched, and only judged queries tell.</p>\n"
        )
    }
}
