import CastorNumerics
import Encoder
import FoundationEssentials
import Report

/// What a checkpoint says beside its tensors.
struct CheckpointNotes: Sendable, Equatable, Codable {
    /// Stage that was being trained.
    var stage: Int
    /// Steps done, through all stages.
    var step: Int
    /// Place in the data of the stage.
    var data: DataStream.State
    /// The recipe, to be compared.
    var recipe: String
    /// Bytes of `metrics.jsonl` up to here.
    var metricsBytes: Int
    var threads: Int
    /// Processes that trained together; nil in files of versions that knew but one.
    var ranks: Int?
    /// nil in files of versions that did not keep it.
    var watch: ExplosionWatch?
}

/// Checkpoints with a hash over all that they hold, so that a damaged one is found before anything is made of it.
enum CheckpointFile {
    private static let notesKey = "run"
    private static let digestKey = "digest"

    /// Bytes of a checkpoint's tensors; beside them it has little.
    static func byteCount(_ trainer: Trainer) -> Int {
        let stores = [trainer.parameters, trainer.optimizer.firstMoments, trainer.optimizer.secondMoments]
        return 4 * (stores + [trainer.average].compactMap { $0 }).flatMap(\.tensors).reduce(0) { $0 + $1.values.count }
    }

    /// What checkpoints take on the disk while a training runs.
    static func words(bytes: Int) -> String {
        "checkpoints take \(Figures.bytes(2 * bytes)) of the disk while it trains, \(Figures.bytes(3 * bytes)) while one is written, and may be "
            + "removed when it has ended"
    }

    static func write(_ trainer: Trainer, _ notes: CheckpointNotes, to path: String) throws(RunError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let json = try? encoder.encode(notes) else {
            throw .cannotWrite(path: path, reason: "its notes cannot be encoded")
        }
        let text = String(decoding: json, as: UTF8.self)
        var stores = [
            ("parameters", trainer.parameters), ("first", trainer.optimizer.firstMoments),
            ("second", trainer.optimizer.secondMoments),
        ]
        if let average = trainer.average { stores.append(("average", average)) }
        let tensors = stores.flatMap { prefix, store in
            store.tensors.map { tensor in
                (
                    name: "\(prefix)/\(tensor.name)",
                    bytes: UnsafeRawBufferPointer(start: tensor.values.pointer, count: tensor.values.count * 4)
                )
            }
        }
        let checkpoint = Checkpoint(
            random: SeededGenerator(seed: 0), notes: [notesKey: text, digestKey: digest(tensors, text)])
        do {
            try checkpoint.write(trainer, to: path)
        } catch {
            if case .model(let error) = error { throw RunError(writing: error, to: path) }
            throw .cannotWrite(path: path, reason: error.description)
        }
    }

    /// Opens a checkpoint and checks every byte of it.
    static func open(_ path: String) throws(RunError) -> (file: SafeTensors, notes: CheckpointNotes) {
        func damaged(_ reason: String) -> RunError { .checkpoint(path: path, reason: reason) }
        let file: SafeTensors
        do { file = try SafeTensors(path: path) } catch {
            if case .safeTensors(_, let reason) = error { throw damaged("it is damaged: \(reason)") }
            throw .model(error)
        }
        guard let text = file.metadata["note.\(notesKey)"], let wanted = file.metadata["note.\(digestKey)"],
            let notes = try? JSONDecoder().decode(CheckpointNotes.self, from: Data(text.utf8))
        else { throw damaged("it was not written by castor train") }
        let tensors = file.entries.map { name, entry in
            (name: name, bytes: UnsafeRawBufferPointer(rebasing: file.file.bytes[entry.range]))
        }
        guard withExtendedLifetime(file, { digest(tensors, text) }) == wanted else {
            throw damaged("it is damaged: its contents do not have the hash that it was written with")
        }
        return (file, notes)
    }

    /// The step that a checkpoint is of, by what it says alone; nil where there is none.
    static func step(_ path: String) -> Int? {
        guard let file = try? SafeTensors(path: path), let text = file.metadata["note.\(notesKey)"] else { return nil }
        return (try? JSONDecoder().decode(CheckpointNotes.self, from: Data(text.utf8)))?.step
    }

    static func restore(_ path: String, into trainer: Trainer) throws(RunError) {
        do {
            _ = try Checkpoint(path, into: trainer)
        } catch {
            switch error {
            case .checkpoint(_, let reason): throw .checkpoint(path: path, reason: reason)
            case .model(let error): throw .model(error)
            default: throw .checkpoint(path: path, reason: error.description)
            }
        }
    }

    /// The weights that a model is made of: the moving average where there is one.
    ///
    /// - Parameter shapes: of the tensors that the trainer held
    static func weights(
        _ file: SafeTensors, _ shapes: [(name: String, shape: [Int])]
    ) throws(RunError) -> ParameterStore {
        let store = ParameterStore(shapes)
        do throws(ModelError) {
            for tensor in store.tensors {
                let average = "average/\(tensor.name)"
                let name = file.entries[average] == nil ? "parameters/\(tensor.name)" : average
                guard file.entries[name]?.shape == tensor.shape else {
                    throw ModelError.tensor(name: name, reason: "missing from the checkpoint")
                }
                try file.copy(name, into: tensor.values)
            }
        } catch { throw .model(error) }
        return store
    }

    private static func digest(_ tensors: [(name: String, bytes: UnsafeRawBufferPointer)], _ notes: String) -> String {
        var hash = ByteHash()
        hash.add(notes)
        for tensor in tensors.sorted(by: { $0.name < $1.name }) {
            hash.add(tensor.name)
            hash.add(tensor.bytes)
        }
        return hash.text
    }
}
