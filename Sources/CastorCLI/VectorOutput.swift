import Castor
import Encoder
import Glibc
import Vectors

/// Vectors in one of the formats of `castor embed`.
struct VectorOutput {
    let embeddings: [Embedding]
    /// Whether several vectors were asked for, even if there is one.
    let isList: Bool

    func write(_ format: EmbedCommand.Format, to path: String?) throws {
        let bytes =
            switch format {
            case .json: json
            case .jsonl: jsonl
            case .npy: npy
            case .text: text
            }
        guard let path else { return try Terminal.output(bytes) }
        guard try Self.isReplaceable(path) else { return try writeThrough(bytes, to: path) }
        do {
            let file = try AtomicFile(path: path)
            try bytes.withUnsafeBytes { try file.write($0) }
            try file.commit()
        } catch let error as ModelError {
            throw Failure(.cannotWrite, error.description)
        }
    }

    /// Files are replaced whole. To replace a device, a pipe or a link would destroy it: those are written to.
    private static func isReplaceable(_ path: String) throws -> Bool {
        var status = stat()
        guard lstat(path, &status) == 0 else { return true }
        if status.st_mode & S_IFMT == S_IFDIR { throw Failure(.cannotWrite, "\(path): is a folder") }
        return status.st_mode & S_IFMT == S_IFREG
    }

    private func writeThrough(_ bytes: [UInt8], to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Failure(.cannotWrite, "\(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        do {
            try Terminal.write(bytes, to: descriptor)
        } catch let failure as Failure {
            throw Failure(.cannotWrite, "\(path): \(failure.message)")
        }
    }

    private var json: [UInt8] {
        var writer = JSONWriter()
        if isList {
            writer.raw("{\"embeddings\":[")
            for (index, embedding) in embeddings.enumerated() {
                writer.raw(index > 0 ? ",{\"values\":" : "{\"values\":")
                writer.values(embedding.values)
                writer.raw("}")
            }
            writer.raw("],\"usageMetadata\":")
            writer.usage(embeddings.reduce(Usage()) { $0 + $1.usage })
            writer.raw("}")
        } else {
            writer.embedding(embeddings[0])
        }
        writer.raw("\n")
        return writer.bytes
    }

    private var jsonl: [UInt8] {
        var writer = JSONWriter()
        for embedding in embeddings {
            writer.embedding(embedding)
            writer.raw("\n")
        }
        return writer.bytes
    }

    private var text: [UInt8] {
        Array(embeddings.map { $0.values.map(\.description).joined(separator: " ") + "\n" }.joined().utf8)
    }

    /// NumPy format 1.0: `[dimensions]`, or `[n, dimensions]` for a list.
    private var npy: [UInt8] {
        let dimensions = embeddings[0].values.count
        var bytes = NPYHeader.bytes(type: "<f4", shape: isList ? [embeddings.count, dimensions] : [dimensions])
        for embedding in embeddings {
            for value in embedding.values {
                withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
            }
        }
        return bytes
    }
}
