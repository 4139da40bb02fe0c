import Castor

/// What a task measures and on which rows.
enum TaskKind: Sendable, Equatable {
    case sts(Pairs, score: String)
    case bitext(Pairs)
    case classification(Classification)
    case clustering(Clustering)
    case zeroShot(ZeroShotTask)
    case retrieval(RetrievalTask)
    case crossModal(CrossModalTask)

    /// Two contents a row.
    struct Pairs: Sendable, Equatable {
        var rows: RowSource
        var first: ContentSpec
        var second: ContentSpec
        var prompt: TaskType?
    }

    struct Classification: Sendable, Equatable {
        var train: RowSource
        var test: RowSource
        var content: ContentSpec
        var label: String
        /// Inverse strength of the penalty.
        var c: Double
        var neighbors: Int
        var prompt: TaskType?
    }

    struct Clustering: Sendable, Equatable {
        var rows: RowSource
        var content: ContentSpec
        var label: String
        var prompt: TaskType?
    }

    struct ZeroShotTask: Sendable, Equatable {
        var rows: RowSource
        var content: ContentSpec
        var label: String
        /// A file of class names, one a line; the labels that occur if nil.
        var classes: String?
        /// Texts around a class name, which stands for `{}`.
        var templates: [String]
        var prompt: TaskType?
    }

    /// BEIR layout.
    struct RetrievalTask: Sendable, Equatable {
        var corpus: String
        var queries: String
        var judgments: String
        /// nil: columns `title` and `text`.
        var document: ContentSpec?
        var query: ContentSpec
        var queryPrompt: TaskType?
        var documentPrompt: TaskType?
    }

    struct CrossModalTask: Sendable, Equatable {
        struct Side: Sendable, Equatable {
            var name: String
            var rows: RowSource
            /// Rows of the two sides with the same value belong together; nil: rows with the same line.
            var key: String?
            var content: ContentSpec
            var prompt: TaskType?
        }

        /// One, or several ways to ask for the same.
        var first: [Side]
        var second: Side
        var bothWays: Bool
    }

    var files: [String] {
        switch self {
        case .sts(let pairs, _), .bitext(let pairs): pairs.rows.files
        case .classification(let task): task.train.files + task.test.files
        case .clustering(let task): task.rows.files
        case .zeroShot(let task): task.rows.files + (task.classes.map { [$0] } ?? [])
        case .retrieval(let task): [task.corpus, task.queries, task.judgments]
        case .crossModal(let task): (task.first + [task.second]).flatMap(\.rows.files)
        }
    }

    /// Whether prompts change anything.
    var hasPrompts: Bool {
        switch self {
        case .sts(let pairs, _), .bitext(let pairs): pairs.prompt != nil
        case .classification(let task): task.prompt != nil
        case .clustering(let task): task.prompt != nil
        case .zeroShot(let task): task.prompt != nil
        case .retrieval(let task): task.queryPrompt != nil || task.documentPrompt != nil
        case .crossModal(let task): (task.first + [task.second]).contains { $0.prompt != nil }
        }
    }
}
