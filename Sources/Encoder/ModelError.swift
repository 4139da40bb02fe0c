package import CastorNumerics

/// Why a model folder cannot be loaded or used. Every case names the file or tensor, and what is wrong with it.
package enum ModelError: Error, Sendable, Equatable, CustomStringConvertible {
    case notFound(path: String)
    case unreadable(path: String, reason: String)
    case configuration(key: String, reason: String)
    case safeTensors(path: String, reason: String)
    case tensor(name: String, reason: String)
    case tokenizer(path: String, reason: String)
    /// A value that is not finite came out of the forward pass, although weights and inputs were finite.
    case overflow(stage: String)
    /// SentencePiece, or the memory that it needs, gave out.
    case text(bytes: Int)
    /// The machine, and not the model, is at fault.
    case outOfMemory(OutOfMemory)
    /// A content that a forward pass was asked for, and that has nothing to pass.
    case noTokens

    package var description: String {
        switch self {
        case .notFound(let path): "\(path): no such file"
        case .unreadable(let path, let reason): "\(path): \(reason)"
        case .configuration(let key, let reason): "config.json: \(key): \(reason)"
        case .safeTensors(let path, let reason): "\(path): not a usable safetensors file: \(reason)"
        case .tensor(let name, let reason): "tensor \(name): \(reason)"
        case .tokenizer(let path, let reason): "\(path): not a usable SentencePiece model: \(reason)"
        case .overflow(let stage): "\(stage) produced a value that is not finite"
        case .text(let bytes): "a text of \(bytes) bytes could not be tokenised"
        case .outOfMemory(let error): error.description
        case .noTokens: "the content has no tokens"
        }
    }
}
