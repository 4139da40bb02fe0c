/// What of a stage's data the loss can learn nothing from. Training goes on, at a loss that looks perfect or never moves.
enum LearningWarnings {
    static func of(_ stage: RunPlan.Stage) -> [String] {
        var warnings: [String] = []
        for task in stage.tasks {
            let set = task.sampling.dataSet
            let place = "\(stage.name), data set \(set.name)"
            if stage.objective.contrastive != nil, set.hasPositives, let reason = sameness(task.sampling) {
                warnings.append("\(place): \(reason): the contrastive loss has nothing to tell a positive from")
            }
            if stage.objective.teacherCosine != nil || stage.objective.teacherSimilarity != nil,
                set.zeroTeacherCount > 0
            {
                let first = set.firstZeroTeacher.map { ", the first: \($0)" } ?? ""
                warnings.append(
                    "\(place): \(set.zeroTeacherCount) of \(set.rows.count) samples have a teacher vector of length 0, from which nothing is "
                        + "learned\(first)")
            }
        }
        return warnings
    }

    private static func sameness(_ sampling: Sampler.Task) -> String? {
        let set = sampling.dataSet
        guard !set.hasNegatives else { return nil }
        if sampling.batchSize == 1 || set.training.count == 1 {
            return "its batches have one pair and no hard negative"
        }
        switch (set.distinctQueries > 1, set.distinctPositives > 1) {
        case (true, true): return nil
        case (false, false): return "all its pairs are equal"
        case (true, false): return "all its pairs have the same positive"
        case (false, true): return "all its pairs have the same query"
        }
    }
}
