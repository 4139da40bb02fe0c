package import Encoder
import Hashing
import Media

/// All that decoded media depend on beside their bytes: what one model's pictures, sounds, frames and pages are, another's need
/// not be.
package struct FrontEndIdentity: Sendable, Hashable {
    /// SHA-256, the first 16 hexadecimal digits.
    let name: String

    /// To be raised when front-ends or the cache's file change.
    private static let version = 3

    /// Of a model folder.
    package init(modelFolder path: String) throws(RunError) {
        let configuration: Configuration
        do { configuration = try Model.configuration(path: path) } catch { throw .model(error) }
        self.init(configuration, tokenizer: try DataDigest.of(path: "\(path)/\(Model.tokenizerName)"))
    }

    /// - Parameter tokenizer: SHA-256 of its file: pages' texts are kept as its ids
    package init(_ configuration: Configuration, tokenizer: String) {
        let (image, audio) = (configuration.image, configuration.audio)
        var lines = [
            "version \(Self.version)", "tokenizer \(tokenizer)",
            // Where a page's text is cut.
            "max_tokens \(configuration.maxTokens)",
            "image \(image.patchSize) \(image.maxPatches) \(image.positionWaves ?? 0) \(image.gradientOrientations ?? 0)",
            "audio \(audio.sampleRate) \(audio.windowLength) \(audio.hopLength) \(audio.fftLength) \(audio.melBands)"
                + " \(audio.patchFrames)",
        ]
        if configuration.text.splitIdentifiers == true { lines.append("split_identifiers") }
        if let video = configuration.video {
            lines.append("video \(video.maxFrames) \(video.maxPatches) \(video.pooledSide)")
        }
        if let document = configuration.document {
            lines.append("document \(document.maxPatches) \(document.pooledSide)")
        }
        // Another library may decode to other pixels.
        lines += MediaLibraries.versions.map { "\($0.name) \($0.version)" }
        let digest = SHA256.digest(Array(lines.joined(separator: "\n").utf8))
        name = digest.prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
