import Encoder
import Foundation
import CastorNumerics
import Testing
import Training

@Suite struct ModelSoupTests {
    private let pool = WorkerPool(threads: 2)

    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "castor-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder.path)
    }

    @Test func weightedMean() throws {
        try withFolder { folder in
            let model = try Nano.model(pool)
            let other = ParameterStore(untrained: model.configuration, seed: 4)
            try ModelFolder.write(other, template: Nano.path, as: .f32, to: "\(folder)/other")
            try ModelSoup.write([Nano.path, "\(folder)/other"], weights: [3, 1], to: "\(folder)/soup", pool: pool)
            let soup = try Model(path: "\(folder)/soup", pool: pool)
            #expect(soup.state == "trained")
            let (found, base) = (try ParameterStore(of: soup), try ParameterStore(of: model))
            for tensor in found.tensors {
                let expected = base[tensor.name].copy()
                scale(expected.pointer, by: 0.75, count: expected.count)
                add(other[tensor.name].pointer, times: 0.25, to: expected.pointer, count: expected.count)
                expectClose(tensor.values, expected, within: 1e-6, tensor.name)
            }
        }
    }

    @Test func refusals() throws {
        try withFolder { folder in
            #expect(throws: TrainingError.soup(reason: "1 weights for 2 models")) {
                try ModelSoup.write([Nano.path, Nano.path], weights: [1], to: folder, pool: pool)
            }
            #expect(throws: TrainingError.self) {
                try ModelSoup.write([Nano.path], weights: [0], to: folder, pool: pool)
            }
            #expect(throws: TrainingError.model(.notFound(path: "\(folder)/none/config.json"))) {
                try ModelSoup.write([Nano.path, "\(folder)/none"], weights: nil, to: folder, pool: pool)
            }
        }
    }
}
