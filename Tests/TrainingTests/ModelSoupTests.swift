import CastorNumerics
import Encoder
import TestSupport
import Testing
import Training

@Suite struct ModelSoupTests {
    /// Of a sum of two products in f32.
    private static let rounding = 1e-6

    private let pool = WorkerPool(threads: 2)

    @Test func weightedMean() throws {
        try Folders.withTemporary { folder in
            let model = try Nano.model(pool)
            let other = ParameterStore(untrained: model.configuration, seed: 4)
            try ModelFolder.write(other, template: Folders.nano, as: .f32, to: "\(folder)/other")
            try ModelSoup.write([Folders.nano, "\(folder)/other"], weights: [3, 1], to: "\(folder)/soup", pool: pool)
            let soup = try Model(path: "\(folder)/soup", pool: pool)
            #expect(soup.state == "trained")
            let (found, base) = (try ParameterStore(of: soup), try ParameterStore(of: model))
            for tensor in found.tensors {
                let expected = base[tensor.name].copy()
                scale(expected.pointer, by: 0.75, count: expected.count)
                add(other[tensor.name].pointer, times: 0.25, to: expected.pointer, count: expected.count)
                expectClose(tensor.values, expected, within: Self.rounding, tensor.name)
            }
        }
    }

    @Test func refusals() throws {
        try Folders.withTemporary { folder in
            #expect(throws: TrainingError.soup(reason: "1 weights for 2 models")) {
                try ModelSoup.write([Folders.nano, Folders.nano], weights: [1], to: folder, pool: pool)
            }
            #expect(throws: TrainingError.self) {
                try ModelSoup.write([Folders.nano], weights: [0], to: folder, pool: pool)
            }
            #expect(throws: TrainingError.model(.notFound(path: "\(folder)/none/config.json"))) {
                try ModelSoup.write([Folders.nano, "\(folder)/none"], weights: nil, to: folder, pool: pool)
            }
        }
    }
}
