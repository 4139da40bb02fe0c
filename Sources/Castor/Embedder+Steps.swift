import CastorNumerics
import Encoder
package import Media

/// The two steps of ``Embedder/embed(_:options:)-(Content,_)``, for a server that does them on threads of its own.
extension Embedder {
    /// Decodes and tokenises one content on the calling thread.
    package func prepare(
        _ content: Content, _ options: EmbedOptions, cancellation: Cancellation? = nil
    ) throws(EmbedError) -> PreparedContent {
        try checkMemory(for: content)
        return try prepare.callAsFunction(content, options, cancellation: cancellation)
    }

    /// Decoders do not say what they will take, and few of them bear to get less: where little is left, they do not begin.
    func checkMemory(for content: Content) throws(EmbedError) {
        guard !AddressSpace.hasRoomToSpare(Self.decodingBytes) else { return }
        for part in content.parts {
            if case .text = part { continue }
            throw .outOfMemory(reason: OutOfMemory(bytes: Self.decodingBytes).description)
        }
    }

    private static let decodingBytes = 64 << 20

    /// One result a content, in order, on all workers.
    package func encode(_ prepared: [PreparedContent]) -> [Result<Embedding, EmbedError>] {
        encode(prepared.map { .success($0) })
    }

    /// Tokens of a content by the service's rules, however many; nothing is computed.
    ///
    /// Texts of length zero count nothing.
    package func countTokens(
        _ content: Content, files: EmbedOptions.FileAccess = .none, cancellation: Cancellation? = nil
    ) throws(EmbedError) -> Usage {
        try checkMemory(for: content)
        return try prepare.count(content, files, cancellation: cancellation)
    }
}
