import CastorNumerics
import Testing
import Training

@Suite struct SamplerTests {
    private static let pool = WorkerPool(threads: 1)

    private func sets(_ folder: DataFolder, _ counts: [Int]) throws -> [DataSet] {
        try counts.enumerated().map { index, count in
            let path = try folder.pairs(count, name: "set\(index).tsv")
            return try DataSet(DataSource(path: path, format: .tsv), pool: Self.pool)
        }
    }

    @Test(arguments: [(1, 7), (10, 3), (100, 8), (101, 100), (1_000, 64), (999, 1_000)])
    func everyRowIsInOneBatchOfAnEpoch(rows: Int, batchSize: Int) throws {
        for window in [1, 4, 16] {
            let plan = EpochPlan(
                rows: (0..<Int32(rows)).map { $0 }, tokens: { $0 % 13 }, batchSize: batchSize, window: window,
                order: SeededGenerator(seed: 1), batchOrder: SeededGenerator(seed: 2))
            let batches = (0..<plan.batchCount).map { plan[$0] }
            #expect(batches.flatMap { $0 }.sorted() == (0..<Int32(rows)).map { $0 })
            let sizes = batches.map(\.count)
            #expect(sizes.max()! <= batchSize && sizes.max()! - sizes.min()! <= 1)
            #expect(plan.batchCount == (rows + batchSize - 1) / batchSize)
        }
    }

    @Test func windowsGiveBatchesOfLikeLength() {
        func spread(window: Int) -> Double {
            let plan = EpochPlan(
                rows: (0..<4_096).map { Int32($0) }, tokens: { $0 &* 2_654_435 % 100 }, batchSize: 32, window: window,
                order: SeededGenerator(seed: 1), batchOrder: SeededGenerator(seed: 2))
            let spreads = (0..<plan.batchCount).map { batch in
                let lengths = plan[batch].map { $0 &* 2_654_435 % 100 }
                return Double(lengths.max()! - lengths.min()!)
            }
            return spreads.reduce(0, +) / Double(spreads.count)
        }
        #expect(spread(window: 16) < 0.15 * spread(window: 1))
    }

    @Test func ratesHold() throws {
        try DataFolder.with { folder in
            let sets = try sets(folder, [50, 500, 20])
            let rates = [1.0, 6, 3]
            var sampler = try Sampler(zip(sets, rates).map { .init($0, rate: $1, batchSize: 4) }, seed: 5)
            var counts = [0, 0, 0]
            let draws = 5_000
            for _ in 0..<draws { counts[sampler.next().task] += 1 }
            for (count, rate) in zip(counts, rates) {
                let p = rate / 10
                // Four standard deviations.
                #expect(
                    abs(Double(count) - p * Double(draws)) < 4 * (p * (1 - p) * Double(draws)).squareRoot(), "\(counts)"
                )
            }
            var byDefault = try Sampler(sets.map { .init($0, batchSize: 4) }, seed: 5)
            counts = [0, 0, 0]
            for _ in 0..<draws { counts[byDefault.next().task] += 1 }
            #expect(abs(Double(counts[1]) / Double(draws) - 125.0 / 143) < 0.02)
        }
    }

    @Test func epochsPassOverAllRowsInNewOrders() throws {
        try DataFolder.with { folder in
            let set = try sets(folder, [103])[0]
            var sampler = try Sampler([.init(set, batchSize: 10)], seed: 3)
            var orders: [[Int32]] = []
            for epoch in 0..<3 {
                let plans = (0..<11).map { _ in sampler.next() }
                #expect(plans.allSatisfy { $0.epoch == epoch })
                orders.append(plans.flatMap(\.rows))
            }
            #expect(Set(orders).count == 3 && Set(orders.map { $0.sorted() }).count == 1)
        }
    }

    @Test func stateContinuesTheStream() throws {
        try DataFolder.with { folder in
            let sets = try sets(folder, [30, 70])
            func sampler(_ state: Sampler.State?) throws -> Sampler {
                try Sampler(sets.map { .init($0, batchSize: 8) }, seed: 11, state: state)
            }
            var whole = try sampler(nil)
            let plans = (0..<60).map { _ in whole.next() }
            for cut in plans.indices.dropLast() {
                var rest = try sampler(plans[cut].state)
                let next = rest.next()
                #expect(next.rows == plans[cut + 1].rows && next.task == plans[cut + 1].task)
                #expect(next.state == plans[cut + 1].state)
            }
        }
    }

    @Test func foreignStatesAreRefused() throws {
        try DataFolder.with { folder in
            let sets = try sets(folder, [30, 70])
            let good = try Sampler(sets.map { .init($0, batchSize: 8) }, seed: 11)
            #expect(throws: DataError.self) {
                try Sampler(sets.map { .init($0, batchSize: 8) }, seed: 12, state: good.state)
            }
            #expect(throws: DataError.self) {
                try Sampler(sets.map { .init($0, batchSize: 9) }, seed: 11, state: good.state)
            }
            #expect(throws: DataError.self) { try Sampler([.init(sets[0], batchSize: 8)], seed: 11, state: good.state) }
            var damaged = good.state
            damaged.places[0].batch = 4
            #expect(throws: DataError.self) {
                try Sampler(sets.map { .init($0, batchSize: 8) }, seed: 11, state: damaged)
            }
            try folder.write("set0.tsv", "other\trows\n")
            let changed = try DataSet(DataSource(path: "\(folder.path)/set0.tsv", format: .tsv), pool: Self.pool)
            let error = #expect(throws: DataError.self) {
                try Sampler([changed, sets[1]].map { .init($0, batchSize: 8) }, seed: 11, state: good.state)
            }
            #expect(error?.description.contains("set0.tsv has changed") == true)
        }
    }
}
