import CastorNumerics
import Encoder

/// All that a trainer needs to go on as if it had never stopped, in one file that appears whole or not at all.
///
/// The file is a safetensors one, f32: `parameters/NAME`, `first/NAME` and `second/NAME` (the optimiser's moments),
/// `average/NAME` if an average is kept; step and random state are in its metadata.
package struct Checkpoint: Sendable, Equatable {
    /// State of the generator that chooses the batches.
    package var random: SeededGenerator
    /// What the caller wants to find again: place in the data, best score.
    package var notes: [String: String]

    package init(random: SeededGenerator, notes: [String: String] = [:]) {
        self.random = random
        self.notes = notes
    }

    private static let formatKey = "castor.checkpoint"
    private static let format = "1"
    private static let stepKey = "castor.step"
    private static let randomKey = "castor.random"
    private static let notePrefix = "note."

    /// Writes the state of `trainer`.
    package func write(_ trainer: Trainer, to path: String) throws(TrainingError) {
        var metadata = [
            Self.formatKey: Self.format, Self.stepKey: "\(trainer.stepCount)", Self.randomKey: "\(random.state)",
        ]
        for (key, value) in notes { metadata[Self.notePrefix + key] = value }
        let tensors = Self.stores(trainer).flatMap { prefix, store in
            store.tensors.map { NamedTensor(name: "\(prefix)/\($0.name)", shape: $0.shape, values: $0.values) }
        }
        do {
            try SafeTensors.write(tensors, metadata: metadata, as: .f32, to: path)
        } catch { throw .model(error) }
    }

    /// Brings `trainer`, made with the same configuration, objective and options, to the state in the file. When this
    /// throws, the trainer must not be used.
    package init(_ path: String, into trainer: Trainer) throws(TrainingError) {
        func damaged(_ reason: String) -> TrainingError { .checkpoint(path: path, reason: reason) }
        let file: SafeTensors
        do { file = try SafeTensors(path: path) } catch { throw .model(error) }
        guard file.metadata[Self.formatKey] == Self.format else { throw damaged("it has another format") }
        guard let step = file.metadata[Self.stepKey].flatMap({ Int($0) }), step >= 0,
            let state = file.metadata[Self.randomKey].flatMap({ UInt64($0) })
        else { throw damaged("step or random state are missing") }
        let stores = Self.stores(trainer)
        let count = stores.reduce(0) { $0 + $1.store.tensors.count }
        guard file.entries.count == count else {
            throw damaged("it has \(file.entries.count) tensors, this training has \(count)")
        }
        for (prefix, store) in stores {
            for tensor in store.tensors {
                let name = "\(prefix)/\(tensor.name)"
                guard file.entries[name]?.shape == tensor.shape else {
                    throw damaged("tensor \(name) is missing or has another shape")
                }
                do { try file.copy(name, into: tensor.values) } catch { throw .model(error) }
            }
        }
        trainer.optimizer.resume(step: step)
        random = SeededGenerator(seed: state)
        let noted = file.metadata.filter { $0.key.hasPrefix(Self.notePrefix) }
        notes = Dictionary(
            uniqueKeysWithValues: noted.map { (String($0.key.dropFirst(Self.notePrefix.count)), $0.value) })
    }

    private static func stores(_ trainer: Trainer) -> [(prefix: String, store: ParameterStore)] {
        [
            ("parameters", trainer.parameters), ("first", trainer.optimizer.firstMoments),
            ("second", trainer.optimizer.secondMoments),
        ] + (trainer.average.map { [("average", $0)] } ?? [])
    }
}
