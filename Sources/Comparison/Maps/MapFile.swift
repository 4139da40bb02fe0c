import CastorNumerics
import Encoder

/// A linear map in a safetensors file, with what it was worth on items that it was not fitted on.
package struct MapFile: Sendable {
    package var map: LinearMap
    /// Free text for people: which space it leads to.
    package var direction: String
    package var judgement: MapJudgement?

    package init(map: LinearMap, direction: String, judgement: MapJudgement?) {
        (self.map, self.direction, self.judgement) = (map, direction, judgement)
    }

    private static let format = "castor-map-1"

    package func write(to path: String) throws(ComparisonError) {
        var metadata = [
            "format": Self.format, "kind": map.kind.rawValue, "direction": direction,
            "from": "\(map.weights.rows)", "to": "\(map.weights.columns)",
        ]
        if let penalty = map.penalty { metadata["penalty"] = "\(penalty)" }
        if let judgement {
            metadata["held_out_cosine"] = "\(judgement.cosine)"
            metadata["held_out_recall_at_1"] = "\(judgement.recallAt1)"
            metadata["held_out_overlap_at_10"] = "\(judgement.overlapAt10)"
            metadata["held_out_items"] = "\(judgement.judged)"
        }
        do {
            try SafeTensors.write(
                [
                    NamedTensor(name: "weights", shape: [map.weights.rows, map.weights.columns], values: map.weights),
                    NamedTensor(name: "offset", shape: [map.offset.columns], values: map.offset),
                ], metadata: metadata, as: .f32, to: path)
        } catch { throw .cannotWrite(path: path, reason: Self.reason(error, path)) }
    }

    /// What is wrong, without the file's name, which is said already.
    private static func reason(_ error: ModelError, _ path: String) -> String {
        String(error.description.trimmingPrefix("\(path): "))
    }

    package init(path: String) throws(ComparisonError) {
        func damaged(_ reason: String) -> ComparisonError { .map(path: path, reason: reason) }
        let file: SafeTensors
        do { file = try SafeTensors(path: path) } catch {
            if case .notFound = error { throw .notFound(path: path) }
            throw damaged(Self.reason(error, path))
        }
        guard file.metadata["format"] == Self.format else { throw damaged("it was not written by castor map fit") }
        guard let kind = file.metadata["kind"].flatMap(LinearMap.Kind.init(rawValue:)),
            let shape = file.entries["weights"]?.shape, shape.count == 2, shape.allSatisfy({ $0 > 0 }),
            file.entries["offset"]?.shape == [shape[1]]
        else { throw damaged("its kind or its tensors are missing") }
        let weights = Matrix(rows: shape[0], columns: shape[1])
        let offset = Matrix(rows: 1, columns: shape[1])
        do throws(ModelError) {
            try file.copy("weights", into: weights)
            try file.copy("offset", into: offset)
        } catch { throw damaged("\(error)") }
        map = LinearMap(
            kind: kind, weights: weights, offset: offset, penalty: file.metadata["penalty"].flatMap(Double.init))
        direction = file.metadata["direction"] ?? "unknown"
        judgement = nil
    }
}
