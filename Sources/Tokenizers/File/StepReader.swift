internal import CastorJSON
private import FoundationEssentials

/// Normalizers, pre-tokenizers and post-processors of the file; sequences of them as one list.
enum StepReader {
    /// More are no tokenizer's.
    private static let mostSteps = 64

    // MARK: - Normalizers

    static func normalizers(_ value: JSONValue) throws(TokenizerError) -> [Normalizer] {
        var steps: [Normalizer] = []
        if value != .null { try addNormalizers(value, place: "normalizer", to: &steps) }
        return steps
    }

    private static func addNormalizers(
        _ value: JSONValue, place: String, to steps: inout [Normalizer]
    ) throws(TokenizerError) {
        let fields = try StepFields(value, place: place)
        let type = try fields.type
        guard steps.count < mostSteps else { throw .unsupported(field: place, value: "more than \(mostSteps) steps") }
        switch type {
        case "Sequence":
            try fields.allow(["normalizers"])
            for (index, item) in try fields.list("normalizers").enumerated() {
                try addNormalizers(item, place: "\(place).normalizers[\(index)]", to: &steps)
            }
        case "BertNormalizer":
            try fields.allow(["clean_text", "handle_chinese_chars", "strip_accents", "lowercase"])
            let lowercases = try fields.flag("lowercase")
            let options = BertNormalizer(
                cleansText: try fields.flag("clean_text"), spacesIdeographs: try fields.flag("handle_chinese_chars"),
                stripsAccents: try fields.flag("strip_accents", default: lowercases), lowercases: lowercases)
            if options.stripsAccents { try NormalForm.prepare() }
            steps.append(.bert(options))
        case "NFC", "NFD", "NFKC", "NFKD":
            try fields.allow([])
            try NormalForm.prepare()
            steps.append(.form(NormalForm(rawValue: type)!))
        case "Lowercase":
            try fields.allow([])
            steps.append(.lowercase)
        case "StripAccents":
            try fields.allow([])
            steps.append(.stripAccents)
        case "Strip":
            try fields.allow(["strip_left", "strip_right"])
            steps.append(.strip(left: try fields.flag("strip_left"), right: try fields.flag("strip_right")))
        case "Replace":
            try fields.allow(["pattern", "content"])
            steps.append(.replace(try fields.pattern("pattern"), content: Array(try fields.text("content").utf8)))
        case "Prepend":
            try fields.allow(["prepend"])
            steps.append(.prepend(Array(try fields.text("prepend").utf8)))
        case "Precompiled":
            try fields.allow(["precompiled_charsmap"])
            steps.append(.precompiled(try charsmap(fields)))
        case "Nmt":
            try fields.allow([])
            steps.append(.nmt)
        case "ByteLevel":
            try fields.allow([])
            steps.append(.byteLevel)
        default: throw .unsupported(field: fields.field("type"), value: "\"\(type)\"")
        }
    }

    private static func charsmap(_ fields: StepFields) throws(TokenizerError) -> Charsmap {
        let name = "precompiled_charsmap"
        guard let data = Data(base64Encoded: try fields.text(name)), let map = Charsmap([UInt8](data)) else {
            throw .invalid(field: fields.field(name), reason: "it is damaged or cut short")
        }
        return map
    }

    // MARK: - Pre-tokenizers

    static func preTokenizers(_ value: JSONValue) throws(TokenizerError) -> [PreTokenizer] {
        var steps: [PreTokenizer] = []
        if value != .null { try addPreTokenizers(value, place: "pre_tokenizer", to: &steps) }
        return steps
    }

    private static func addPreTokenizers(
        _ value: JSONValue, place: String, to steps: inout [PreTokenizer]
    ) throws(TokenizerError) {
        let fields = try StepFields(value, place: place)
        let type = try fields.type
        guard steps.count < mostSteps else { throw .unsupported(field: place, value: "more than \(mostSteps) steps") }
        switch type {
        case "Sequence":
            try fields.allow(["pretokenizers"])
            for (index, item) in try fields.list("pretokenizers").enumerated() {
                try addPreTokenizers(item, place: "\(place).pretokenizers[\(index)]", to: &steps)
            }
        case "BertPreTokenizer":
            try fields.allow([])
            steps.append(.bert)
        case "Whitespace":
            try fields.allow([])
            steps.append(.whitespace)
        case "WhitespaceSplit":
            try fields.allow([])
            steps.append(.whitespaceSplit)
        case "Punctuation":
            try fields.allow(["behavior"])
            steps.append(.punctuation(try fields.choice("behavior", default: .isolated)))
        case "Digits":
            try fields.allow(["individual_digits"])
            steps.append(.digits(areSingle: try fields.flag("individual_digits")))
        case "CharDelimiterSplit":
            try fields.allow(["delimiter"])
            steps.append(.delimiter(try fields.character("delimiter").value))
        case "Split":
            try fields.allow(["pattern", "behavior", "invert"])
            steps.append(
                .split(
                    try fields.pattern("pattern"), try fields.choice("behavior"), isInverted: try fields.flag("invert"))
            )
        case "FixedLength":
            try fields.allow(["length"])
            let length = try fields.integer("length", default: 5)
            guard length > 0 else { throw .invalid(field: fields.field("length"), reason: "must be above 0") }
            steps.append(.fixedLength(length))
        case "Metaspace": steps.append(.metaspace(try metaspace(fields)))
        case "ByteLevel":
            try fields.allow(["add_prefix_space", "trim_offsets", "use_regex"])
            let pattern = try fields.flag("use_regex", default: true) ? ByteLevel.pattern : nil
            var expression: RegularExpression?
            if let pattern { expression = try RegularExpression(pattern, field: fields.field("use_regex")) }
            steps.append(.byteLevel(addsPrefixSpace: try fields.flag("add_prefix_space"), expression))
        default: throw .unsupported(field: fields.field("type"), value: "\"\(type)\"")
        }
    }

    private static func metaspace(_ fields: StepFields) throws(TokenizerError) -> Metaspace {
        try fields.allow(["replacement", "prepend_scheme", "add_prefix_space", "split", "str_rep"])
        let prepending: Metaspace.Prepending = try fields.choice("prepend_scheme", default: .always)
        if try !fields.flag("add_prefix_space", default: true), prepending != .never {
            throw .invalid(
                field: fields.field("add_prefix_space"), reason: "is false, which is not what prepend_scheme says")
        }
        return Metaspace(
            replacement: Array(String(try fields.character("replacement")).utf8), prepending: prepending,
            splits: try fields.flag("split", default: true))
    }
}
