import CastorJSON
import Encoder

/// What sentence-transformers does with a body's tokens: `modules.json` and the folders that it names.
struct SentenceModules {
    struct Dense {
        let folder: HubFolder
        let spec: DenseSpec
    }

    /// Where the body's own files are.
    var body: HubFolder
    /// Whether the body is a table of vectors, which needs no configuration.
    private(set) var isStatic = false
    /// nil where the folder does not say.
    var pooling: VectorSpec.Pooling?
    /// Whether `modules.json` is there: what it does not name is not done.
    private(set) var saysAll = false
    var dense: [Dense] = []
    var maxTokens: Int?
    var prompts: [String: String] = [:]
    /// Of a text for no task.
    var defaultPrompt: String?

    init(_ folder: HubFolder) throws(CheckpointError) {
        body = folder
        if folder.exists("modules.json") {
            try readModules(folder)
        } else {
            pooling = try Self.pooling(folder.inside("1_Pooling"))
            isStatic = StaticTable.isAlone(folder)
        }
        for name in ["sentence_bert_config.json", "sentence_roberta_config.json", "sentence_xlm-roberta_config.json"] {
            guard let file = try body.optionalObject(name) else { continue }
            maxTokens = try file.optionalInt("max_seq_length", in: 1...1 << 24)
            if try file.flag("do_lower_case"), try !TokenizerSkeleton(body).lowersLetters {
                throw file.failure("do_lower_case", "true is not supported where tokenizer.json keeps capital letters")
            }
        }
        if !isStatic, let file = try body.optionalObject("tokenizer_config.json") { try readTokenizer(file) }
        if let file = try folder.optionalObject("config_sentence_transformers.json") {
            prompts = try Self.prompts(file)
            defaultPrompt = try file.optionalText("default_prompt_name")
            if let defaultPrompt, prompts[defaultPrompt] == nil {
                throw file.failure("default_prompt_name", "\"\(defaultPrompt)\" is not among the prompts")
            }
        }
    }

    /// Of one in bytes.
    private static let longestPrompt = 65_536

    private static func prompts(_ file: HubConfiguration) throws(CheckpointError) -> [String: String] {
        let texts = file.textsByName("prompts")
        for name in file.names(of: "prompts").sorted() {
            guard let text = texts[name] else { throw file.failure("prompts.\(name.prefix(40))", "is not a text") }
            guard text.utf8.count <= longestPrompt else {
                throw file.failure(
                    "prompts.\(name.prefix(40))", "has \(text.utf8.count) bytes, the most are \(longestPrompt)")
            }
        }
        guard texts.count <= 1_000 else { throw file.failure("prompts", "are \(texts.count), the most are 1000") }
        return texts
    }

    private mutating func readTokenizer(_ file: HubConfiguration) throws(CheckpointError) {
        // Newer versions leave it to the tokenizer, which says 1e30 where there is none.
        if maxTokens == nil, let length = try file.optionalNumber("model_max_length"),
            (1...Double(1 << 24)).contains(length)
        {
            maxTokens = Int(length)
        }
        if let side = try file.optionalText("truncation_side"), side != "right" {
            throw file.failure("truncation_side", "\"\(side)\" is not supported")
        }
        // A BERT tokenizer's own options go before those of tokenizer.json.
        guard try file.optionalText("tokenizer_class")?.hasPrefix("BertTokenizer") == true,
            let lowers = try file.optionalFlag("do_lower_case"), lowers != (try TokenizerSkeleton(body).lowersLetters)
        else { return }
        throw file.failure("do_lower_case", "\(lowers) is not what tokenizer.json does")
    }

    private mutating func readModules(_ folder: HubFolder) throws(CheckpointError) {
        var isNormalised = false
        guard case .list(let modules) = try folder.json("modules.json"), modules.count <= 16 else {
            throw .field(file: "modules.json", key: "(whole file)", reason: "is not a list of at most 16 modules")
        }
        for (index, value) in modules.enumerated() {
            let module = try HubConfiguration(value, file: "modules.json", path: "[\(index)].")
            let type = try module.optionalText("type") ?? ""
            let path = try module.optionalText("path") ?? ""
            guard !path.hasPrefix("/"), !path.split(separator: "/").contains("..") else {
                throw module.failure("path", "\"\(path)\" leads out of the folder")
            }
            let own = folder.inside(path)
            switch type.split(separator: ".").last.map(String.init) ?? "" {
            case "Transformer", "CLIPModel": body = own
            case "StaticEmbedding":
                body = own
                isStatic = true
            case "Pooling":
                guard own.exists("config.json") else { throw module.failure("path", "\(path)/config.json is missing") }
                pooling = try Self.pooling(own)
            case "Dense":
                guard pooling != nil, !isNormalised else {
                    throw module.failure("type", "a dense layer is supported between pooling and normalisation")
                }
                dense.append(try Self.dense(own))
            case "Normalize": isNormalised = true
            default: throw module.failure("type", "\"\(type)\" is not supported")
            }
        }
        saysAll = true
    }

    private static func pooling(_ folder: HubFolder) throws(CheckpointError) -> VectorSpec.Pooling? {
        guard let file = try folder.optionalObject("config.json") else { return nil }
        if try file.optionalFlag("include_prompt") == false {
            throw file.failure("include_prompt", "false is not supported")
        }
        // Newer files name the mode, older ones have a flag for each.
        if let mode = try file.optionalText("pooling_mode") {
            switch mode {
            case "mean": return .mean
            case "cls": return .first
            case "lasttoken": return .last
            default: throw file.failure("pooling_mode", "\"\(mode)\" is not supported")
            }
        }
        var modes: [VectorSpec.Pooling] = []
        if try file.flag("pooling_mode_cls_token") { modes.append(.first) }
        if try file.flag("pooling_mode_mean_tokens") { modes.append(.mean) }
        if try file.flag("pooling_mode_lasttoken") { modes.append(.last) }
        for other in ["max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens"] {
            try file.refuse("pooling_mode_\(other)")
        }
        guard modes.count == 1 else {
            throw file.failure("pooling_mode_*", "\(modes.count) modes are set, one is supported")
        }
        return modes[0]
    }

    private static func dense(_ folder: HubFolder) throws(CheckpointError) -> Dense {
        let file = try folder.object("config.json")
        try file.require("module_input_name", "sentence_embedding")
        try file.require("module_output_name", "sentence_embedding")
        let name = try file.optionalText("activation_function") ?? "torch.nn.modules.activation.Tanh"
        let function: DenseSpec.Function
        switch name.split(separator: ".").last.map(String.init) ?? "" {
        case "Identity": function = .identity
        case "Tanh": function = .tanh
        default: throw file.failure("activation_function", "\"\(name)\" is not supported")
        }
        return Dense(
            folder: folder,
            spec: DenseSpec(
                inputs: try file.int("in_features"), outputs: try file.int("out_features"),
                bias: try file.optionalFlag("bias") ?? true, function: function))
    }
}
