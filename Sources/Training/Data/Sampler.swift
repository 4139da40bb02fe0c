/// Chooses the rows of every batch: one data set a batch, drawn by its rate, its rows in the order of its epochs.
///
/// A pure function of data sets, seed and state: the same on every machine, with any number of threads.
package struct Sampler: Sendable {
    package struct Task: Sendable {
        package let dataSet: DataSet
        /// How often it is drawn, relative to the others; nil for the number of its batches, which passes over all
        /// data sets in the same time.
        package var rate: Double?
        /// Pairs of a batch, at most.
        package var batchSize: Int
        /// Batches that are sorted by length together; 1 for none.
        package var window: Int

        package init(_ dataSet: DataSet, rate: Double? = nil, batchSize: Int, window: Int = 16) {
            precondition(batchSize > 0 && window > 0 && rate ?? 1 > 0)
            self.dataSet = dataSet
            self.rate = rate
            self.batchSize = batchSize
            self.window = window
        }

        package var batchesPerEpoch: Int {
            EpochPlan.batchCount(rows: dataSet.training.count, batchSize: batchSize)
        }
    }

    /// Where the stream stands.
    package struct State: Sendable, Equatable, Codable {
        package struct Place: Sendable, Equatable, Codable {
            package var name: String
            /// Of the data set.
            package var fingerprint: String
            package var batchSize: Int
            package var window: Int
            /// Passes done.
            package var epoch: Int
            /// Batches done in this pass.
            package var batch: Int
        }

        package var seed: UInt64
        /// Batches drawn.
        package var step: Int
        package var places: [Place]
    }

    /// A batch to come.
    package struct Plan: Sendable {
        package let task: Int
        package let epoch: Int
        /// Of the task's data set.
        package let rows: [Int32]
        /// After this batch.
        package let state: State
    }

    package let tasks: [Task]
    package private(set) var state: State
    private let shares: [Double]
    private var plans: [EpochPlan?]

    /// - Precondition: at least one task; names differ; rates for all tasks or for none.
    /// - Throws: `DataError.empty`, and `DataError.state` where the state is of other data
    package init(_ tasks: [Task], seed: UInt64, state: State? = nil) throws(DataError) {
        precondition(!tasks.isEmpty && Set(tasks.map(\.dataSet.name)).count == tasks.count)
        for task in tasks where task.dataSet.training.isEmpty { throw .empty(dataSet: task.dataSet.name, first: nil) }
        self.tasks = tasks
        let rates = tasks.map { $0.rate ?? Double($0.batchesPerEpoch) }
        let sum = rates.reduce(0, +)
        shares = rates.map { $0 / sum }
        plans = tasks.map { _ in nil }
        let start = State(
            seed: seed, step: 0,
            places: tasks.map {
                State.Place(
                    name: $0.dataSet.name, fingerprint: $0.dataSet.fingerprint, batchSize: $0.batchSize,
                    window: $0.window, epoch: 0, batch: 0)
            })
        if let state { try Self.check(state, against: start, tasks) }
        self.state = state ?? start
    }

    private static func check(_ state: State, against start: State, _ tasks: [Task]) throws(DataError) {
        guard state.seed == start.seed else { throw .state(reason: "they were drawn with another seed") }
        guard state.places.map(\.name) == start.places.map(\.name) else {
            throw .state(reason: "there were the data sets \(state.places.map(\.name).joined(separator: ", "))")
        }
        for ((old, new), task) in zip(zip(state.places, start.places), tasks) {
            guard old.fingerprint == new.fingerprint else { throw .state(reason: "data set \(old.name) has changed") }
            guard old.batchSize == new.batchSize, old.window == new.window else {
                throw .state(reason: "data set \(old.name) had batches of \(old.batchSize), windows of \(old.window)")
            }
            guard (0..<1 << 53).contains(state.step), (0..<1 << 53).contains(old.epoch),
                (0..<task.batchesPerEpoch).contains(old.batch)
            else {
                throw .state(reason: "the place in data set \(old.name) is damaged")
            }
        }
    }

    package mutating func next() -> Plan {
        let task = draw()
        let epoch = state.places[task].epoch
        let plan = plans[task] ?? plan(task, epoch: epoch)
        let rows = Array(plan[state.places[task].batch])
        state.places[task].batch += 1
        plans[task] = plan
        if state.places[task].batch == plan.batchCount {
            state.places[task].batch = 0
            state.places[task].epoch += 1
            plans[task] = nil
        }
        state.step += 1
        return Plan(task: task, epoch: epoch, rows: rows, state: state)
    }

    private func draw() -> Int {
        guard tasks.count > 1 else { return 0 }
        var random = SeededGenerator(RandomPurpose.task.rawValue, state.seed, UInt64(state.step))
        var rest = random.nextUniform()
        for (index, share) in shares.enumerated() {
            rest -= share
            if rest < 0 { return index }
        }
        return tasks.count - 1
    }

    private func plan(_ index: Int, epoch: Int) -> EpochPlan {
        let task = tasks[index]
        var name = ByteHash()
        name.add(task.dataSet.name)
        func random(_ purpose: RandomPurpose) -> SeededGenerator {
            SeededGenerator(purpose.rawValue, state.seed, name.value, UInt64(epoch))
        }
        let rows = task.dataSet.rows
        return EpochPlan(
            rows: task.dataSet.training, tokens: { rows[Int($0)].tokens }, batchSize: task.batchSize,
            window: task.window, order: random(.order), batchOrder: random(.batchOrder))
    }
}
