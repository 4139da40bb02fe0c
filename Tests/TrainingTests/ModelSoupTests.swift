import Castor
import CastorNumerics
import Checkpoints
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

    /// Of an imported model and itself, trained no further: the same vectors, in single precision.
    @Test func importedModelsAreAveraged() throws {
        try Folders.withTemporary { folder in
            let source = "\(Folders.fixtures)/sentences/model"
            try Checkpoints.Checkpoint(path: source).write(to: "\(folder)/model")
            try Checkpoints.Checkpoint(path: source).write(to: "\(folder)/narrow", precision: .bfloat16)
            let soup = "\(folder)/soup"
            try ModelSoup.write(["\(folder)/model", "\(folder)/narrow"], weights: [1, 3], to: soup, pool: pool)
            let (first, second, mean) = (
                try SafeTensors(path: "\(folder)/model/model.safetensors"),
                try SafeTensors(path: "\(folder)/narrow/model.safetensors"),
                try SafeTensors(path: "\(soup)/model.safetensors")
            )
            for (name, entry) in mean.entries {
                #expect(entry.type == .f32)
                let rows = [first, second, mean].map { _ in Matrix(rows: 1, columns: entry.shape.reduce(1, *)) }
                for (tensors, values) in zip([first, second, mean], rows) { try tensors.copy(name, into: values) }
                scale(rows[0].pointer, by: 0.25, count: rows[0].count)
                add(rows[1].pointer, times: 0.75, to: rows[0].pointer, count: rows[0].count)
                expectClose(rows[2], rows[0], within: Self.rounding, name)
            }
            #expect(try Embedder(modelPath: soup).embed(Content("a cat")).values.count == 12)

            try Checkpoints.Checkpoint(path: source).write(to: "\(folder)/int8", precision: .int8)
            for models in [["\(folder)/model", "\(folder)/int8"], [Folders.nano, "\(folder)/model"]] {
                let error = #expect(throws: TrainingError.self) {
                    try ModelSoup.write(models, weights: nil, to: "\(folder)/none", pool: pool)
                }
                let words = models[1].hasSuffix("int8") ? "in eight bits" : "different configurations"
                #expect(error?.description.contains(words) == true)
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
