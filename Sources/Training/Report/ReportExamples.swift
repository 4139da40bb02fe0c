import Encoder

/// Nearest-neighbour examples from held-out pairs and what evaluations noted of them.
struct ReportExamples {
    private let checks: [RetrievalCheck]
    private let architecture: Architecture

    /// Data sets that examples are shown of.
    private static let maxSets = 4

    init(_ checks: [RetrievalCheck], _ architecture: Architecture) {
        self.checks = checks
        self.architecture = architecture
    }

    func callAsFunction(_ history: TrainingHistory) -> [NeighborExample] {
        guard let before = history.before, let after = history.after ?? history.before else { return [] }
        var examples: [NeighborExample] = []
        for check in checks.prefix(Self.maxSets) {
            guard let old = before.sets.first(where: { $0.data == check.name }),
                let new = after.sets.first(where: { $0.data == check.name })
            else { continue }
            for (place, query) in check.examples.enumerated()
            where place < old.nearest.count && place < new.nearest.count {
                func answers(_ candidates: [Int]) -> [NeighborExample.Answer] {
                    candidates.filter(check.candidates.indices.contains).map {
                        .init(item: item(check.candidates[$0]), isRight: check.isRight($0, for: query))
                    }
                }
                examples.append(
                    NeighborExample(
                        data: check.name, query: item(check.queries[query]),
                        wanted: item(check.candidates[check.firstRight(for: query)]),
                        before: answers(old.nearest[place]),
                        after: answers(new.nearest[place])))
            }
        }
        return examples
    }

    private func item(_ item: RetrievalCheck.Item) -> ReportItem {
        ReportItem(item.input, texts: item.texts, architecture)
    }
}
