internal import CastorJSON

/// A `tokenizer.json`, read field by field.
struct TokenizerFile {
    private var model: ModelReader?
    private var normalizer = JSONValue.null
    private var preTokenizer = JSONValue.null
    private var postProcessor = JSONValue.null
    private var addedTokens: [AddedToken] = []
    private var limit: Int?

    /// Of a field that is read as a tree.
    private static let mostStepBytes = 8 << 20
    private static let mostTokenBytes = 512

    init(_ bytes: UnsafeRawBufferPointer) throws(TokenizerError) {
        guard bytes.count <= TextTokenizer.mostBytes else {
            throw .invalid(field: "tokenizer.json", reason: "it has more than \(TextTokenizer.mostBytes) bytes")
        }
        var options = JSONReader.Options()
        options.maxDepth = 32
        options.maxValues = bytes.count
        var modelProblem: TokenizerError?
        do throws(JSONError) {
            var json = try JSONReader(bytes, options)
            try json.startObject()
            while modelProblem == nil, let name = try json.nextName() {
                if case "model" = name {
                    do throws(TokenizerError) { model = try ModelReader(&json) } catch { modelProblem = error }
                } else {
                    try read(&json, name.text, bytes)
                }
            }
            if modelProblem == nil { try json.finish() }
        } catch { throw .json(reason: error.description) }
        if let modelProblem { throw modelProblem }
    }

    private mutating func read(
        _ json: inout JSONReader, _ name: String, _ bytes: UnsafeRawBufferPointer
    ) throws(JSONError) {
        switch name {
        case "normalizer": normalizer = try Self.tree(&json, bytes)
        case "pre_tokenizer": preTokenizer = try Self.tree(&json, bytes)
        case "post_processor": postProcessor = try Self.tree(&json, bytes)
        case "added_tokens":
            try json.startList()
            while try json.nextItem() { addedTokens.append(try Self.addedToken(&json)) }
        case "truncation": limit = try Self.limit(&json)
        case "version":
            let version = try json.string()
            guard version == "1.0" else { throw json.failure(.value("version \"\(version)\" is not supported")) }
        default: break
        }
    }

    private static func tree(_ json: inout JSONReader, _ bytes: UnsafeRawBufferPointer) throws(JSONError) -> JSONValue {
        _ = try json.kind()
        let start = json.position
        try json.skip()
        guard json.position - start <= mostStepBytes else {
            throw json.failure(.value("it has more than \(mostStepBytes) bytes"))
        }
        return try JSONValue(json: UnsafeRawBufferPointer(rebasing: bytes[start..<json.position]))
    }

    private static func addedToken(_ json: inout JSONReader) throws(JSONError) -> AddedToken {
        var token = AddedToken(content: "")
        var hasContent = false
        try json.startObject()
        while let name = try json.nextName() {
            switch name {
            case "content":
                token.content = try json.string()
                hasContent = true
            case "single_word": token.isSingleWord = try json.bool()
            case "lstrip": token.stripsLeft = try json.bool()
            case "rstrip": token.stripsRight = try json.bool()
            case "normalized": token.isNormalized = try json.bool()
            case "special": token.isSpecial = try json.bool()
            default: break
            }
        }
        guard hasContent else { throw json.failure(.missing(name: "content")) }
        guard token.content.utf8.count <= mostTokenBytes else {
            throw json.failure(.value("a token of more than \(mostTokenBytes) bytes is not supported"))
        }
        return token
    }

    private static func limit(_ json: inout JSONReader) throws(JSONError) -> Int? {
        if try json.takeNull() { return nil }
        var limit: Int?
        try json.startObject()
        while let name = try json.nextName() {
            switch name {
            case "max_length": limit = json.int(try json.number())
            case "direction":
                let direction = try json.string()
                guard direction == "Right" else {
                    throw json.failure(.value("truncation from the \(direction) is not supported"))
                }
            default: break
            }
        }
        return limit.map { max(0, $0) }
    }

    // MARK: - Together

    func parts() throws(TokenizerError) -> TokenizerParts {
        guard let reader = model, let model = reader.model else { throw .invalid(field: "model", reason: "is missing") }
        let normalizers = try StepReader.normalizers(normalizer)
        let around = try SurroundingTokens(postProcessor)
        var parts = TokenizerParts(
            model: model, normalizers: normalizers, preTokenizers: try StepReader.preTokenizers(preTokenizer),
            addedTokens: AddedTokenSet(), normalizedTokens: AddedTokenSet(), addedIDs: [:], prefix: around.prefix,
            suffix: around.suffix, limit: limit, idCount: reader.idCount)
        try add(addedTokens, to: &parts, pieceCount: reader.pieceCount)
        for id in parts.prefix + parts.suffix { parts.idCount = max(parts.idCount, Int(id) + 1) }
        return parts
    }

    /// Ids as the library gives them: a piece of the vocabulary keeps its own, others follow the vocabulary, whatever the file says.
    private func add(
        _ tokens: [AddedToken], to parts: inout TokenizerParts, pieceCount: Int
    ) throws(TokenizerError) {
        var byID: [Int32: (token: AddedToken, index: Int)] = [:]
        var next = Int32(pieceCount)
        for (index, token) in tokens.enumerated() where !token.content.isEmpty {
            let known = parts.addedIDs[token.content] ?? parts.model.id(of: Array(token.content.utf8))
            if known == nil { next += 1 }
            let id = known ?? next - 1
            parts.addedIDs[token.content] = id
            byID[id] = (token, index)
            parts.idCount = max(parts.idCount, Int(id) + 1)
        }
        for (id, entry) in byID.sorted(by: { $0.key < $1.key }) {
            var text = Array(entry.token.content.utf8)
            var isMoved = false
            if entry.token.isNormalized {
                try Normalizer.apply(parts.normalizers, to: &text, movesStart: &isMoved)
            }
            let isAdded =
                entry.token.isNormalized
                ? parts.normalizedTokens.add(entry.token, id: id, as: text)
                : parts.addedTokens.add(entry.token, id: id, as: text)
            guard isAdded else {
                throw .invalid(
                    field: "added_tokens[\(entry.index)].content",
                    reason: "\"\(entry.token.content)\" is, once normalised, empty or that of another token")
            }
        }
    }
}
