import Castor
import Report

/// `README.md` of a trained model's folder.
package struct ModelCard: Sendable {
    package var history: TrainingHistory

    package init(_ history: TrainingHistory) {
        self.history = history
    }

    package var markdown: String {
        let facts = history.facts
        var text = """
            # \(cell(facts.model)), trained by "\(cell(facts.name))"

            State: trained. Made by Castor \(facts.version), started \(facts.started)\
            \(history.ending.map { ", finished \($0.time): \($0.reason.rawValue)" } ?? "").

            \(Figures.grouped(facts.parameters)) parameters, width \(facts.width), vectors of \(facts.dimensions) values; trained \
            for the sizes \(facts.sizes.map(String.init).joined(separator: ", ")). Weights at the start: \(cell(facts.start)). \
            \(Figures.grouped(history.ending?.modelStep ?? history.steps.last?.step ?? 0)) steps, seed \(facts.seed).

            ## Data

            | data set | pairs trained on | held out | SHA-256 | licence |
            |---|---|---|---|---|

            """
        for set in facts.dataSets {
            text += "| \(cell(set.name)) | \(set.pairs) | \(set.heldOut) | `\(set.sha256)` | "
            text += "\(cell(set.license ?? "not stated")) |\n"
        }
        text +=
            "\nSHA-256 is that of the file, or of the hashes of all files that a data set is made of (docs/training.md).\n"
        if let sets = facts.evaluationSets {
            text += "\n| evaluation set | pairs | trained on, too | SHA-256 | licence |\n|---|---|---|---|---|\n"
            for set in sets {
                text += "| \(cell(set.name)) | \(set.pairs) | \(set.alsoTrained) | `\(set.sha256)` | "
                text += "\(cell(set.license ?? "not stated")) |\n"
            }
        }
        text += "\n## Quality on pairs that were not trained on\n\n"
        if let before = history.before, let after = history.after {
            text += "| data set | direction | values | R@1 before | R@1 after | R@10 before | R@10 after |\n"
            text += "|---|---|---|---|---|---|---|\n"
            for (old, new) in zip(before.sets, after.sets) {
                for (a, b) in zip(old.sizes, new.sizes) {
                    text += row(new.data, "query to answer", b.size, a.forward, b.forward)
                    text += row(new.data, "answer to query", b.size, a.backward, b.backward)
                }
            }
            for set in after.sets {
                text +=
                    "\n\(cell(set.data)): \(set.queries) queries, \(set.candidates) candidates; a random order has R@1 "
                text += "\(Figures.percent(set.chance)).\n"
            }
        } else {
            text += "Not measured: the recipe has no evaluation.\n"
        }
        return text + tasks + limits + "\n## Recipe\n\n```json\n\(facts.recipe.printableJSON)\n```\n"
    }

    private var tasks: String {
        guard let (sizes, changes) = history.taskChanges, let largest = sizes.first else { return "" }
        func text(_ value: Double?) -> String { value.map { Figures.fixed($0, 4) } ?? "-" }
        var lines = "\n## Quality on tasks\n\nVectors of \(largest) values, "
        lines += "\(history.tasks.last?.prompts == true ? "with" : "without") the tasks' prompts.\n\n"
        lines += "| task | metric | before | after | chance | items |\n|---|---|---|---|---|---|\n"
        for change in changes {
            lines += "| \(cell(change.task)) | \(cell(change.metric)) | \(text(change.before[0])) | "
            lines += "\(text(change.after[0])) | \(text(change.chance)) | \(change.items) |\n"
        }
        return lines
    }

    private var limits: String {
        """

        ## Limits

        - The numbers above hold for pairs from the same sources as the training data. On anything else the model may do \
        much worse; try it on your own data before you rely on it.
        - It knows the languages, pictures and sounds of its training data and little more. What the data set says wrongly or \
        one-sidedly, the model learned.
        - Nearness of two vectors says that the model takes the contents for alike. It does not say that a statement is true.
        - Scores of vectors from different models, or from before and after training, cannot be compared with each other: \
        everything that is searched must be embedded again with this model.

        """
    }

    private func row(
        _ data: String, _ direction: String, _ size: Int, _ a: EvaluationRecord.Scores, _ b: EvaluationRecord.Scores
    ) -> String {
        "| \(cell(data)) | \(direction) | \(size) | \(Figures.percent(a.recallAt1)) | \(Figures.percent(b.recallAt1)) | "
            + "\(Figures.percent(a.recallAt10)) | \(Figures.percent(b.recallAt10)) |\n"
    }

    private func cell(_ text: String) -> String {
        String(text.map { $0 == "|" || $0.isNewline ? " " : $0 }).printable
    }
}
