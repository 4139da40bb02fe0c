/// What an imported model wants in front of a text for each of the service's tasks, by the names that its makers gave their prompts.
struct TaskPrompts: Sendable {
    private let prompts: [String: String]
    private let standard: String

    /// - Parameters:
    ///   - prompts: as in `config_sentence_transformers.json`
    ///   - standard: the name of the one for no task
    init(_ prompts: [String: String], standard: String?) {
        self.standard = standard.flatMap { prompts[$0] } ?? ""
        var byName: [String: String] = [:]
        for (name, prompt) in prompts.sorted(by: { $0.key < $1.key }) { byName[name.lowercased()] = prompt }
        self.prompts = byName
    }

    /// The text as it is, where the model has no prompt for the task or a kindred one.
    func applied(to text: String, _ task: TaskType?, title: String?) -> String {
        guard let task else { return standard + text }
        guard let prompt = Self.names(task).lazy.compactMap({ prompts[$0] }).first else { return text }
        guard task == .retrievalDocument, let title else { return prompt + text }
        // EmbeddingGemma's way to say that there is no title.
        return prompt.replacing("title: none |", with: "title: \(title) |", maxReplacements: 1) + text
    }

    /// In the order in which they are looked for.
    private static func names(_ task: TaskType) -> [String] {
        switch task {
        case .retrievalQuery: ["query", "retrieval-query", "searchquery", "retrieval"]
        case .retrievalDocument: ["document", "retrieval-document", "passage", "corpus"]
        case .semanticSimilarity: ["sts", "sentencesimilarity", "similarity"]
        case .classification: ["classification"]
        case .clustering: ["clustering"]
        case .questionAnswering: ["questionanswering", "query"]
        case .factVerification: ["factchecking", "query"]
        case .codeRetrievalQuery: ["coderetrieval", "instructionretrieval", "query"]
        }
    }
}
