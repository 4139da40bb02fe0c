/// What the vector is for. Castor, like version 2 of the service, takes the task as words in front of the text, not as a parameter.
///
/// The strings are those that the service documents for its second model.
public enum TaskType: String, Sendable, CaseIterable {
    /// A question, for which documents are looked for.
    case retrievalQuery = "RETRIEVAL_QUERY"
    /// A text that is to be found.
    case retrievalDocument = "RETRIEVAL_DOCUMENT"
    /// Texts that are compared with each other.
    case semanticSimilarity = "SEMANTIC_SIMILARITY"
    /// Texts that are told apart by class.
    case classification = "CLASSIFICATION"
    /// Texts that are put into groups.
    case clustering = "CLUSTERING"
    /// A question whose answer is looked for.
    case questionAnswering = "QUESTION_ANSWERING"
    /// A statement, for which evidence is looked for.
    case factVerification = "FACT_VERIFICATION"
    /// A question in words, for which code is looked for.
    case codeRetrievalQuery = "CODE_RETRIEVAL_QUERY"

    /// Reads the service's name in any case, with `-` or `_`.
    public init?(name: String) {
        self.init(rawValue: String(name.uppercased().map { $0 == "-" ? "_" : $0 }))
    }

    /// The text with the task's prompt. `title` is used by ``retrievalDocument`` alone.
    public func prompt(_ text: String, title: String? = nil) -> String {
        switch self {
        case .retrievalQuery: "task: search result | query: \(text)"
        case .retrievalDocument: "title: \(title ?? "none") | text: \(text)"
        case .semanticSimilarity: "task: sentence similarity | query: \(text)"
        case .classification: "task: classification | query: \(text)"
        case .clustering: "task: clustering | query: \(text)"
        case .questionAnswering: "task: question answering | query: \(text)"
        case .factVerification: "task: fact checking | query: \(text)"
        case .codeRetrievalQuery: "task: code retrieval | query: \(text)"
        }
    }

    /// The content with the prompt in front of its first text; contents without text have no prompt.
    func applied(to content: Content, title: String?) -> Content {
        var content = content
        for (index, part) in content.parts.enumerated() {
            if case .text(let text) = part {
                content.parts[index] = .text(prompt(text, title: title))
                break
            }
        }
        return content
    }
}
