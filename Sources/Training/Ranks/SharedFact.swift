import CastorNumerics
import Encoder
import FoundationEssentials

/// Something that all processes of a training have alike, or they would train different models, or wait for each other forever.
package struct SharedFact: Sendable, Equatable, Codable {
    /// For people.
    package let name: String
    package let value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }

    /// The shape of a step's contents: how many rows each process is to give hangs on it. Not values of pictures and sounds, whose last digits
    /// are another machine's.
    package static func samples(step: Int, _ batches: [PairBatch]) -> SharedFact {
        var hash = ByteHash()
        for batch in batches {
            let contents = batch.contents
            hash.add(UInt64(contents.count))
            for segment in contents.flatMap(\.segments) {
                hash.add(UInt64(segment.modality.rawValue))
                hash.add(UInt64(segment.tokenCount))
                for id in segment.ids ?? [] { hash.add(UInt64(truncatingIfNeeded: id)) }
            }
        }
        return SharedFact("the samples of step \(step)", hash.text)
    }

    static func checkpoint(step: Int?) -> SharedFact {
        SharedFact("the checkpoint to go on from", step.map { "step \($0)" } ?? "none")
    }

    static func weights(_ parameters: ParameterStore) -> SharedFact {
        var hash = ByteHash()
        for tensor in parameters.tensors {
            hash.add(tensor.name)
            hash.add(UnsafeRawBufferPointer(start: tensor.values.pointer, count: tensor.values.count * 4))
        }
        return SharedFact("the weights to start from", hash.text)
    }
}

extension Ranks {
    /// Compares what this process has with what the first has.
    ///
    /// - Parameter facts: what later ones hang on first; not empty
    /// - Throws: `RunError.differs` in all processes, when one has others than the first
    package func expectSame(_ facts: @autoclosure () -> [SharedFact]) throws(RunError) {
        guard count > 1 else { return }
        let facts = facts()
        let bytes = first((try? JSONEncoder().encode(facts)).map([UInt8].init) ?? [])
        let wanted = (try? JSONDecoder().decode([SharedFact].self, from: Data(bytes))) ?? []
        let place = (0..<max(facts.count, wanted.count)).first {
            $0 >= facts.count || $0 >= wanted.count || facts[$0] != wanted[$0]
        }
        // The earliest place of all, with the process that it was found in; 0 where there is none.
        let found = largest(place.map { (wanted.count + 1 - min($0, wanted.count)) * count + index } ?? 0)
        guard found > 0 else { return }
        let earliest = min(wanted.count + 1 - found / count, wanted.count - 1)
        throw .differs(process: found % count + 1, count: count, what: wanted[max(earliest, 0)].name)
    }
}
