import CastorJSON
import Encoder

/// Tables of one vector a token, of which a text has the mean: model2vec, wordllama, the static embeddings of sentence-transformers.
enum StaticTable {
    /// Where nothing says how long a text may be: as long as the hosted service's.
    private static let maxTokens = 8_192
    private static let mostTokens = 65_536
    /// Of model2vec, where its configuration does not say.
    private static let model2vecTokens = 512

    static func plan(_ hub: HubConfiguration, _ tensors: CheckpointTensors) throws(CheckpointError) -> FamilyPlan {
        let isModel2vec = tensors.has("embeddings")
        let table = try tensors.tensor(isModel2vec ? "embeddings" : "embedding.weight")
        guard table.shape.count == 2 else {
            throw .tensor(name: table.name, reason: "has shape \(table.shape), a table of vectors has two axes")
        }
        let rows = try GatheredRows(
            table, places: tensors.has("mapping") ? try tensors.tensor("mapping") : nil,
            weights: tensors.has("weights") ? try tensors.tensor("weights") : nil)
        var text = TextSpec(vocabularySize: rows.count, width: table.shape[1])
        text.vector = VectorSpec(.mean)
        var maxTokens = maxTokens
        var sequence = SequenceSpec()
        // sentence-transformers reads the same folders, and keeps what is unknown; the makers' own library is the reference.
        if try hub.optionalText("model_type") == "model2vec" {
            let tokenizer = try HubTokenizer(tensors.folder)
            sequence.dropped = tokenizer.unknownID.map { [$0] }
            if !hub.isNull("max_length") {
                let most = try hub.optionalInt("max_length", in: 1...1 << 30) ?? model2vecTokens
                sequence.mostCharacters = min(most * max(1, tokenizer.vocabulary.medianLength), 1 << 30)
                maxTokens = min(most, mostTokens)
            }
        }
        let names = TensorNames(layer: "", inLayer: [:], others: ["text.embedding": [table.name]])
        var plan = FamilyPlan(text: text, names: [names], pooling: .mean, maxTokens: maxTokens)
        plan.table = rows
        plan.sequence = sequence
        return plan
    }

    /// Whether a folder holds a table and its tokenizer alone, as the one that sentence-transformers keeps it in.
    static func isAlone(_ folder: HubFolder) -> Bool {
        guard !folder.exists("config.json"), !folder.exists("modules.json"), folder.exists("tokenizer.json"),
            let tensors = try? CheckpointTensors(folder)
        else { return false }
        return tensors.has("embedding.weight")
    }
}
