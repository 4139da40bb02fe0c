import CastorNumerics
import Encoder

/// Weights that a foreign file may hold.
package enum BrokenModel {
    package struct NoSuchPiece: Error {}

    /// Makes the row of a piece of `word` one that is not finite, in the copy of castor-nano in `folder`; the other words have none of it.
    package static func breakRow(of word: String, sparing others: [String], in folder: String) throws {
        let path = "\(folder)/\(Model.weightsName)"
        let file = try SafeTensors(path: path)
        guard let entry = file.entries["text.embedding.weight"] else { throw NoSuchPiece() }
        let model = try Model(path: Folders.nano, pool: WorkerPool(threads: 1))
        let known = Set(try others.flatMap { try model.tokenizer.encode($0, limit: 64).ids })
        guard let id = try model.tokenizer.encode(word, limit: 64).ids.first(where: { !known.contains($0) }) else {
            throw NoSuchPiece()
        }
        var bytes = try Folders.read(path)
        // The exponent's bits of f16 or f32, all set.
        for index in 0..<entry.type.byteCount {
            bytes[entry.range.lowerBound + Int(id) * entry.shape[1] * entry.type.byteCount + index] = 0xFF
        }
        try Folders.write(bytes, path)
    }
}
