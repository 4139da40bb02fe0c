import CastorJSON
import CastorNumerics
import Encoder
import FoundationEssentials
import Tokenizers

/// A model folder of one of the formats, opened.
enum OpenedModel: Sendable {
    case castor1(Model, MultimodalEncoder)
    case castor2(SpecModel, TextTokenizer?)

    init(path: String, pool: WorkerPool) throws(ModelLoadError) {
        let format = Self.format(path)
        if let format, ![ModelSpec.format, Configuration.currentFormat].contains(format) {
            throw ModelLoadError(
                .configuration(
                    key: "format",
                    reason:
                        "is \"\(format.prefix(40))\", this program reads \(Configuration.currentFormat) and \(ModelSpec.format)"
                ))
        }
        if format == ModelSpec.format {
            let model: SpecModel
            do { model = try SpecModel(path: path, pool: pool) } catch { throw ModelLoadError(error) }
            do { self = .castor2(model, try Self.tokenizer(path, model.spec)) } catch { throw ModelLoadError(error) }
        } else {
            do {
                let model = try Model(path: path, pool: pool)
                self = .castor1(model, MultimodalEncoder(model: model, pool: pool))
            } catch { throw ModelLoadError(error) }
        }
    }

    func frontEnd(_ options: ImportedModelOptions) throws(ModelLoadError) -> any FrontEnd {
        switch self {
        case .castor1(let model, _):
            return CastorFrontEnd(
                configuration: model.configuration, tokenizer: model.tokenizer,
                logMel: LogMel(model.configuration.audio))
        case .castor2(let model, let tokenizer):
            if let tokens = options.pictureTokens, let image = model.spec.image {
                guard case .budget(let budgets) = image.pixels.sizing, budgets.allowed.contains(tokens) else {
                    throw ModelLoadError(.pictureTokens(tokens, image.pixels.sizing))
                }
            }
            return ImportedFrontEnd(spec: model.spec, tokenizer: tokenizer, options: options)
        }
    }

    /// The same weights, with memory of its own.
    func beside(_ pool: WorkerPool) -> OpenedModel {
        switch self {
        case .castor1(let model, _): .castor1(model, MultimodalEncoder(model: model, pool: pool))
        case .castor2(let model, let tokenizer): .castor2(SpecModel(beside: model, pool: pool), tokenizer)
        }
    }

    /// Reads weights that are not left in the file.
    func load() throws(ModelError) {
        switch self {
        case .castor1(_, let encoder): try encoder.load([.text, .image, .audio])
        case .castor2: break
        }
    }

    /// One row a content, before normalisation.
    func encode(_ batch: [EncoderInput]) throws(ModelError) -> Matrix {
        switch self {
        case .castor1(_, let encoder): try encoder.encode(batch)
        case .castor2(let model, _): try model.encode(batch)
        }
    }

    /// What `config.json` says; nil where it says nothing, or nothing that can be read. What opens it tells then what is wrong.
    static func format(_ path: String) -> String? {
        guard let file = try? MappedFile(path: "\(path)/\(Model.configurationName)"), file.bytes.count <= 4 << 20,
            case .object(let members)? = try? JSONValue(json: file.bytes)
        else { return nil }
        if case .text(let format)? = members["format"] { return format }
        return nil
    }

    /// What most of an imported model's weights are in; single precision for what cannot be read, whose opening tells what is wrong.
    static func ownPrecision(_ path: String) -> ComputePrecision {
        guard format(path) == ModelSpec.format, let tensors = try? SafeTensors(path: "\(path)/\(Model.weightsName)")
        else { return .single }
        return switch tensors.mostBytes {
        case .bf16: .bfloat16
        case .i8: .int8
        default: .single
        }
    }

    /// nil where the model has no texts.
    static func tokenizer(_ path: String, _ spec: ModelSpec) throws(ModelError) -> TextTokenizer? {
        guard let text = spec.text else { return nil }
        let name = "\(path)/tokenizer.json"
        let file = try MappedFile(path: name)
        let tokenizer: TextTokenizer
        do { tokenizer = try TextTokenizer(json: file.bytes) } catch {
            throw .unreadable(path: name, reason: error.description)
        }
        guard tokenizer.idCount <= text.vocabularySize else {
            throw .configuration(
                key: "text.vocabulary_size",
                reason: "is \(text.vocabularySize), the tokenizer has ids up to \(tokenizer.idCount - 1)")
        }
        return tokenizer
    }
}

extension ModelError {
    /// A number of tokens that the model was not made for.
    fileprivate static func pictureTokens(_ asked: Int, _ sizing: PixelSpec.Sizing) -> ModelError {
        guard case .budget(let budgets) = sizing else {
            return .configuration(key: "image", reason: "pictures have one size, \(asked) tokens cannot be asked for")
        }
        return .configuration(
            key: "image",
            reason: "pictures may have \(budgets.allowed.map(String.init).joined(separator: ", ")) tokens, not \(asked)"
        )
    }
}
