import Castor
import CastorNumerics
import Vectors

extension TaskRun {
    /// Contents with a class each.
    private struct Labelled {
        var vectors: Matrix
        var labels: [String]
    }

    private mutating func labelled(
        _ rows: RowSource, _ content: ContentSpec, _ label: String, _ prompt: TaskType?
    ) throws(EvaluationError) -> Labelled {
        let table = try load(rows, content.columns + [label])
        var contents: [EvaluationItem] = []
        var labels: [String] = []
        for index in evenlySpread(limit, of: table.rows.count) {
            total += 1
            guard let text = text(table.rows[index], label, table),
                let item = item(table.rows[index], content, table)
            else { continue }
            contents.append(item)
            labels.append(text)
        }
        guard !contents.isEmpty else { throw noneLeft() }
        let result = try embed(contents, prompt)
        return Labelled(vectors: result.vectors, labels: result.kept.map { labels[$0] })
    }

    mutating func measureClassification(_ task: TaskKind.Classification) throws(EvaluationError) -> [Metric] {
        let train = try labelled(task.train, task.content, task.label, task.prompt)
        let test = try labelled(task.test, task.content, task.label, task.prompt)
        let classes = Set(train.labels).sorted()
        let number = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($0.element, $0.offset) })
        let trainLabels = train.labels.map { number[$0]! }
        // Classes that training never saw count as wrong whatever is predicted.
        let unseen = Set(test.labels).subtracting(classes).sorted()
        let unseenNumber = Dictionary(
            uniqueKeysWithValues: unseen.enumerated().map { ($0.element, classes.count + $0.offset) })
        let testLabels = test.labels.map { number[$0] ?? unseenNumber[$0]! }
        items = test.labels.count
        counts = ["train": train.labels.count, "test": test.labels.count, "classes": classes.count]
        return metrics(
            TaskKind.classificationMetrics, chances: [shareOfLargestClass(testLabels), nil, nil]
        ) { size in
            let (x, y) = (normalizedPrefix(train.vectors, size), normalizedPrefix(test.vectors, size))
            let probe = LogisticRegression(
                features: x, labels: trainLabels, classes: classes.count, c: task.c, pool: pool)
            let scores = ClassificationScores(predicted: probe.predict(y, pool: pool), actual: testLabels)
            let voted = classifyByNeighbors(y, train: x, labels: trainLabels, k: task.neighbors, pool: pool)
            let neighbors = ClassificationScores(predicted: voted, actual: testLabels)
            return [scores?.accuracy, scores?.macroF1, neighbors?.accuracy]
        }
    }

    mutating func measureClustering(_ task: TaskKind.Clustering) throws(EvaluationError) -> [Metric] {
        let data = try labelled(task.rows, task.content, task.label, task.prompt)
        let classes = Set(data.labels).sorted()
        let number = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($0.element, $0.offset) })
        let labels = data.labels.map { number[$0]! }
        items = labels.count
        counts = ["items": labels.count, "classes": classes.count]
        return metrics(TaskKind.clusteringMetrics, chances: [nil, nil, nil]) { size in
            let clusters = KMeans(normalizedPrefix(data.vectors, size), k: classes.count, pool: pool).assignments
            let measure = VMeasure(clusters: clusters, classes: labels)
            return [measure?.value, measure?.homogeneity, measure?.completeness]
        }
    }

    mutating func measureZeroShot(_ task: TaskKind.ZeroShotTask) throws(EvaluationError) -> [Metric] {
        let data = try labelled(task.rows, task.content, task.label, task.prompt)
        var classes = Set(data.labels).sorted()
        if let path = task.classes {
            classes = try load(RowSource(path: path), ["text"]).rows.flatMap { $0.fields["text"]!.values }
            guard Set(classes).count == classes.count else {
                throw .data(path: path, reason: "names a class twice")
            }
        }
        let number = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($0.element, $0.offset) })
        for label in Set(data.labels).sorted() where number[label] == nil {
            throw .data(path: task.classes ?? task.rows.path, reason: "lacks the class \"\(label)\"")
        }
        let labels = data.labels.map { number[$0]! }
        let texts = classes.flatMap { name in
            task.templates.map { template in
                EvaluationItem(
                    content: Content(TaskFields.fill(template, with: name)), origin: "the class \"\(name)\"")
            }
        }
        let names = try embed(texts, task.prompt)
        guard names.kept.count == texts.count else { throw noneLeft() }
        items = labels.count
        counts = ["items": labels.count, "classes": classes.count]
        let count = Double(classes.count)
        return metrics(
            TaskKind.zeroShotMetrics, chances: [1 / count, min(1, 5 / count), 1 / count]
        ) { size in
            let ranks = ZeroShot.ranks(
                items: normalizedPrefix(data.vectors, size),
                classes: ZeroShot.classVectors(normalizedPrefix(names.vectors, size), templates: task.templates.count),
                labels: labels, pool: pool)
            let byClass = Dictionary(grouping: labels.indices, by: { labels[$0] }).sorted { $0.key < $1.key }
            let perClass = byClass.map { HitRate.at(1, $0.value.map { ranks[$0] }) ?? 0 }
            return [
                HitRate.at(1, ranks), HitRate.at(5, ranks), perClass.reduce(0, +) / Double(max(1, perClass.count)),
            ]
        }
    }
}

extension TaskFields {
    /// The template with `{}` replaced.
    static func fill(_ template: String, with name: String) -> String {
        template.split(separator: "{}", omittingEmptySubsequences: false).joined(separator: name)
    }
}
