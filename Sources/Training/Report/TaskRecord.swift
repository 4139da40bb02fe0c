package import Evaluation

/// What tasks of `castor evaluate` say of the weights at one moment: those that training starts with, or the model that came of it.
package struct TaskRecord: Sendable, Equatable, Codable {
    package struct Task: Sendable, Equatable, Codable {
        package var name: String
        package var items: Int
        /// Items that could not be read or embedded.
        package var skipped: Int
        package var metrics: [Metric]
    }

    package struct Metric: Sendable, Equatable, Codable {
        package var name: String
        /// One a size; nil where it is not defined.
        package var values: [Double?]
        package var chance: Double?
    }

    /// Steps behind the weights.
    package var step: Int
    /// Sizes of the vectors, largest first.
    package var sizes: [Int]
    package var prompts: Bool
    package var tasks: [Task]
    package var seconds: Double
}

extension TaskRecord.Task {
    package init(_ result: TaskResult) {
        self.init(
            name: result.name, items: result.items, skipped: result.skipped.count,
            metrics: result.metrics.map { .init(name: $0.name, values: $0.values, chance: $0.chance) })
    }
}

extension TrainingHistory {
    /// A metric of a task before and after training.
    struct TaskChange {
        var task: String
        var metric: String
        /// One a size of `sizes`.
        var before: [Double?]
        var after: [Double?]
        var chance: Double?
        var items: Int
    }

    /// Sizes and changes; nil while tasks were not measured twice.
    var taskChanges: (sizes: [Int], changes: [TaskChange])? {
        guard let before = tasks.first, let after = tasks.last, tasks.count > 1, before.sizes == after.sizes else {
            return nil
        }
        var changes: [TaskChange] = []
        for (old, new) in zip(before.tasks, after.tasks) {
            for (a, b) in zip(old.metrics, new.metrics) {
                changes.append(
                    TaskChange(
                        task: new.name, metric: b.name, before: a.values, after: b.values, chance: b.chance,
                        items: new.items))
            }
        }
        return (after.sizes, changes)
    }
}
