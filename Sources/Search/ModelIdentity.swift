package import Castor
import Encoder
import Glibc
import Hashing

/// What vectors of one index have in common: the files of a model, and the options that change what it computes.
package struct ModelIdentity: Sendable, Equatable {
    package let name: String
    package let dimensions: Int
    /// SHA-256 over the weights, the configuration and the tokenizer, in hexadecimal digits.
    package let sha256: String
    /// Options of an imported model.
    package let options: String
    /// Size, time and number of the model's files: equal ones need not be read again.
    package let stamp: String

    package init(name: String, dimensions: Int, sha256: String, options: String = "", stamp: String = "") {
        self.name = name
        self.dimensions = dimensions
        self.sha256 = sha256
        self.options = options
        self.stamp = stamp
    }

    /// Of an opened model. Reads its files, unless they are those of `known` still.
    package init(_ embedder: Embedder, known: ModelIdentity? = nil) throws {
        let info = embedder.info
        let imported = embedder.options.imported
        let options =
            info.isImported ? "pictureTokens=\(imported.pictureTokens ?? 0) timesFrames=\(imported.timesFrames)" : ""
        let files = [Model.weightsName, Model.configurationName, Model.tokenizerName, "tokenizer.json"]
            .map { "\(info.path)/\($0)" }
        let stamp = files.map(Self.stamp).joined(separator: " ")
        if let known, known.stamp == stamp, known.name == info.name {
            self.init(
                name: info.name, dimensions: info.dimensions, sha256: known.sha256, options: options, stamp: stamp)
            return
        }
        var hash = SHA256()
        for path in files where Glibc.access(path, F_OK) == 0 {
            let file = try MappedFile(path: path)
            var own = SHA256()
            own.update(file.bytes)
            withExtendedLifetime(file) {}
            hash.update(own.digest())
        }
        self.init(
            name: info.name, dimensions: info.dimensions, sha256: hash.digest().hexadecimal, options: options,
            stamp: stamp)
    }

    private static func stamp(_ path: String) -> String {
        var status = stat()
        guard stat(path, &status) == 0 else { return "-" }
        return "\(status.st_dev):\(status.st_ino):\(status.st_size):\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
    }

    /// Whether vectors of both may be compared.
    package func agrees(with other: ModelIdentity) -> Bool {
        sha256 == other.sha256 && dimensions == other.dimensions && options == other.options
    }

    package var summary: String {
        "\(name) (\(sha256.prefix(12))\(options.isEmpty ? "" : ", \(options)"))"
    }
}

extension [UInt8] {
    /// Two digits a byte.
    package var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
