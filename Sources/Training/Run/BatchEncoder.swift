import CastorNumerics
import Encoder

/// Contents to rows, as many tokens at a time as training takes.
struct BatchEncoder {
    private let model: any TrainedModel
    private static let maxTokens = 4_096

    init(_ model: any TrainedModel) {
        self.model = model
    }

    func callAsFunction(_ contents: [EncoderInput]) throws(ModelError) -> Matrix {
        let rows = Matrix(rows: contents.count, columns: model.outputDimensions)
        var start = 0
        while start < contents.count {
            var (end, tokens) = (start, 0)
            while end < contents.count, end == start || tokens + contents[end].workTokenCount <= Self.maxTokens {
                tokens += contents[end].workTokenCount
                end += 1
            }
            let own = try model.rows(Array(contents[start..<end]))
            rows.row(start).update(from: own.pointer, count: own.count)
            start = end
        }
        return rows
    }
}
