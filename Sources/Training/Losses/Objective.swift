package import CastorNumerics
package import Encoder
import Glibc

/// A prefix that is trained for, and its weight in the loss.
package struct MatryoshkaLevel: Sendable, Equatable {
    package var size: Int
    package var weight: Double

    package init(size: Int, weight: Double = 1) {
        self.size = size
        self.weight = weight
    }
}

/// What training makes small: the sum of the losses that are set.
package struct Objective: Sendable, Equatable {
    /// Sizes that contrastive and similarity losses are summed over, ascending.
    package let levels: [MatryoshkaLevel]
    package var contrastive: ContrastiveLoss? = ContrastiveLoss()
    package var teacherCosine: TeacherCosineLoss?
    package var teacherSimilarity: TeacherSimilarityLoss?
    /// Components of a teacher vector; needed when a head is learned.
    package var teacherDimensions: Int?

    /// - Precondition: at least one level, no size twice.
    package init(levels: [MatryoshkaLevel]) {
        self.levels = levels.sorted { $0.size < $1.size }
        precondition(!levels.isEmpty && Set(levels.map(\.size)).count == levels.count)
    }

    /// The loss of a batch, term by term; nil where there is none.
    package struct Value: Sendable, Equatable {
        package var contrastive: Double?
        package var teacherCosine: Double?
        package var teacherSimilarity: Double?

        package init() {}

        package var total: Double { (contrastive ?? 0) + (teacherCosine ?? 0) + (teacherSimilarity ?? 0) }
    }

    /// The loss of `batch` and, added to `gradient` `[contents, D]`, its gradient by the rows. The gradient of what the
    /// losses themselves learn is added to `gradients`.
    package func callAsFunction(
        _ batch: LossBatch, _ parameters: ParameterStore, gradient: Matrix, _ gradients: ParameterStore,
        _ pool: WorkerPool
    ) -> Value {
        var value = Value()
        // Where nothing is beside the queries, a teacher alone is followed.
        if let contrastive, batch.positives.rows > 0 {
            let result = contrastive(
                batch, levels: levels, scale: 1 / temperature(parameters)!, gradient: gradient, pool)
            value.contrastive = result.loss
            if contrastive.learnsTemperature {
                gradients[ContrastiveLoss.logScaleName].pointer[0] += Float(result.scaleGradient)
            }
        }
        let taught = taughtRows(batch, gradient)
        if let teacherCosine {
            let head: (weight: Matrix, gradient: Matrix)? =
                teacherCosine.usesHead
                ? (parameters[TeacherCosineLoss.headName], gradients[TeacherCosineLoss.headName]) : nil
            let total = taught.reduce(0) { $0 + $1.rows.rows }
            value.teacherCosine = taught.reduce(0) {
                $0
                    + teacherCosine(
                        $1.rows, teachers: $1.teachers, head: head, total: total, gradient: $1.gradient, pool)
            }
        }
        if let teacherSimilarity {
            // Each side among itself: queries with queries, positives with positives.
            value.teacherSimilarity = taught.reduce(0) {
                $0
                    + teacherSimilarity(
                        $1.rows, teachers: $1.teachers, levels: levels, gradient: $1.gradient, pool)
            }
        }
        return value
    }

    private func taughtRows(
        _ batch: LossBatch, _ gradient: Matrix
    ) -> [(rows: Matrix, teachers: Matrix, gradient: Matrix)] {
        let parts = batch.split(gradient)
        var taught: [(rows: Matrix, teachers: Matrix, gradient: Matrix)] = []
        if let teachers = batch.queryTeachers { taught.append((batch.queries, teachers, parts.queries)) }
        if let teachers = batch.positiveTeachers { taught.append((batch.positives, teachers, parts.positives)) }
        return taught
    }
}

// MARK: - What the losses learn

extension Objective {
    /// Tensors that the losses themselves learn.
    package var parameterShapes: [(name: String, shape: [Int])] {
        var shapes: [(name: String, shape: [Int])] = []
        if let contrastive, contrastive.learnsTemperature { shapes.append((ContrastiveLoss.logScaleName, [1])) }
        if let teacherCosine, teacherCosine.usesHead {
            guard let t = teacherDimensions else { preconditionFailure("a head needs the size of teacher vectors") }
            shapes.append((TeacherCosineLoss.headName, [t, teacherCosine.size ?? t]))
        }
        return shapes
    }

    /// Their first values: log(1 / temperature), and a head that passes on the components that both sides have.
    package func initialize(_ parameters: ParameterStore) {
        if let contrastive, contrastive.learnsTemperature {
            parameters[ContrastiveLoss.logScaleName].pointer[0] = Float(-log(contrastive.temperature))
        }
        if let teacherCosine, teacherCosine.usesHead {
            let head = parameters[TeacherCosineLoss.headName]
            head.fill(0)
            for index in 0..<min(head.rows, head.columns) { head.row(index)[index] = 1 }
        }
    }

    /// Brings a learned temperature back into its range; to be called after each change of the parameters.
    package func clamp(_ parameters: ParameterStore) {
        guard let contrastive, contrastive.learnsTemperature else { return }
        let range = contrastive.temperatureRange
        let logScale = parameters[ContrastiveLoss.logScaleName].pointer
        logScale[0] = min(max(logScale[0], Float(-log(range.upperBound))), Float(-log(range.lowerBound)))
    }

    /// tau of the contrastive loss as it stands; nil without one.
    package func temperature(_ parameters: ParameterStore) -> Double? {
        guard let contrastive else { return nil }
        guard contrastive.learnsTemperature else { return contrastive.temperature }
        return exp(-Double(parameters[ContrastiveLoss.logScaleName].pointer[0]))
    }
}
