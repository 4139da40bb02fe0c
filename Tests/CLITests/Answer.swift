import Foundation
import Testing

/// The JSON that the program writes, read without the project's own code.
struct Answer: Decodable {
    struct Embedding: Decodable {
        let values: [Float]
    }

    struct Usage: Decodable, Equatable {
        struct Detail: Decodable, Equatable {
            let modality: String
            let tokenCount: Int
        }
        let promptTokenCount: Int
        let promptTokenDetails: [Detail]
    }

    let embedding: Embedding
    let usageMetadata: Usage

    init(_ text: String) throws {
        self = try JSONDecoder().decode(Answer.self, from: Data(text.utf8))
    }
}

struct ListAnswer: Decodable {
    let embeddings: [Answer.Embedding]
    let usageMetadata: Answer.Usage
}

/// One line of a batch's output.
struct BatchAnswer: Decodable {
    struct Problem: Decodable, Equatable {
        let code: Int
        let message: String
        let status: String
    }

    let key: String
    let response: Answer?
    let error: Problem?

    init(_ line: String) throws {
        self = try JSONDecoder().decode(BatchAnswer.self, from: Data(line.utf8))
    }
}

enum Tolerance {
    /// Of a norm from 1; DESIGN section 7.
    static let norm = 1e-6
    /// Of one component, whatever a content is batched with; DESIGN section 7.
    static let batching: Float = 2e-6
    /// Of a cosine that is printed with six decimals.
    static let printedCosine = 1e-6
}

func expectUnit(_ values: [Float], count: Int, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(values.count == count, sourceLocation: sourceLocation)
    let norm = values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    #expect(abs(norm - 1) <= Tolerance.norm, "norm \(norm)", sourceLocation: sourceLocation)
}

func expectClose(
    _ left: [Float], _ right: [Float], _ tolerance: Float = Tolerance.batching,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(left.count == right.count, sourceLocation: sourceLocation)
    let worst = zip(left, right).enumerated().max {
        abs($0.element.0 - $0.element.1) < abs($1.element.0 - $1.element.1)
    }
    guard let worst else { return }
    #expect(
        abs(worst.element.0 - worst.element.1) <= tolerance,
        "component \(worst.offset): \(worst.element.0) and \(worst.element.1)", sourceLocation: sourceLocation)
}
