package import CastorNumerics
import Synchronization

/// The model at work: contents in, one row each out (docs/model.md sections 4 to 6).
///
/// Safe to call from many threads; calls take turns, each using all workers.
package final class MultimodalEncoder: Sendable {
    package var pool: WorkerPool { pass.pool }
    private let weights: any WeightSource
    private let pass: EncoderPass
    private let memory = Mutex(PassMemory(.nothing))

    package init(model: Model, pool: WorkerPool) {
        weights = model
        pass = EncoderPass(configuration: model.configuration, pool: pool)
    }

    /// Reads the weights that a content with these modalities needs, so that the first call does not wait for them.
    package func load(_ modalities: Set<Modality>) throws(ModelError) {
        _ = try weights.unified()
        if modalities.contains(.text) { _ = try weights.text() }
        if modalities.contains(.image) { _ = try weights.image() }
        if modalities.contains(.audio) { _ = try weights.audio() }
    }

    /// One row a content, `[n, output dimensions]`, before normalisation. Every value is finite.
    ///
    /// - Throws: ``ModelError/noTokens`` for a content without a token
    package func encode(_ batch: [EncoderInput]) throws(ModelError) -> Matrix {
        let result: Result<Matrix, ModelError> = memory.withLock { memory in
            do throws(ModelError) {
                return .success(try pass.forward(batch, weights, memory).rows)
            } catch { return .failure(error) }
        }
        return try result.get()
    }
}
