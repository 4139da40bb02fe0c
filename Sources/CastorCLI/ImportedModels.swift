import Castor
import Checkpoints
import Encoder
import FoundationEssentials
import Glibc
import Hashing

/// Checkpoints that were named as a model where a model folder is expected: imported once, to the user's cache.
enum ImportedModels {
    /// The folder itself, or what was made of the checkpoint in it.
    static func folder(for path: String) throws -> String {
        guard Checkpoint.isThere(path) else { return path }
        let checkpoint: Checkpoint
        do { checkpoint = try Checkpoint(path: path) } catch { throw Failure(error) }
        let place = try "\(cache)/\(checkpoint.spec.name)-\(identity(path))"
        if access("\(place)/\(Model.configurationName)", R_OK) == 0 { return place }
        do {
            try FileManager.default.createDirectory(atPath: cache, withIntermediateDirectories: true)
        } catch {
            throw Failure(.cannotWrite, "\(try cache): cannot be made; castor import makes a folder elsewhere")
        }
        do { try ImportCommand.write(checkpoint, to: place, nil) } catch {
            // Another program may have been first.
            guard access("\(place)/\(Model.configurationName)", R_OK) == 0 else {
                guard let failure = error as? Failure, access(place, F_OK) == 0 else { throw error }
                throw Failure(
                    failure.status, failure.messages + ["\(place) is in the way of what is imported: remove it"])
            }
            return place
        }
        Terminal.error("\(path): imported to \(place); castor import makes a folder of your own\n")
        return place
    }

    private static var cache: String {
        get throws {
            for (variable, rest) in [("XDG_CACHE_HOME", ""), ("HOME", "/.cache")] {
                if let value = getenv(variable), value.pointee == UInt8(ascii: "/") {
                    return "\(String(cString: value))\(rest)/castor/models"
                }
            }
            throw Failure(.notFound, "no place for an imported model: HOME is not set; use castor import")
        }
    }

    /// Of where the checkpoint is and of its files' names, sizes and times, of which one cannot be set back: a changed checkpoint is another one.
    private static func identity(_ path: String) throws -> String {
        var lines: [String] = [Version.current]
        func add(_ path: String, depth: Int) {
            for name in (try? FileManager.default.contentsOfDirectory(atPath: path))?.sorted() ?? [] {
                var status = stat()
                guard stat("\(path)/\(name)", &status) == 0 else { continue }
                if status.st_mode & S_IFMT == S_IFDIR {
                    if depth < 1 { add("\(path)/\(name)", depth: depth + 1) }
                } else {
                    lines.append(
                        "\(path)/\(name) \(status.st_ino) \(status.st_size) \(status.st_mtim.tv_sec) \(status.st_mtim.tv_nsec) "
                            + "\(status.st_ctim.tv_sec) \(status.st_ctim.tv_nsec)")
                }
            }
        }
        let whole = realpath(path, nil)
        defer { free(whole) }
        add(whole.map { String(cString: $0) } ?? path, depth: 0)
        return SHA256.digest(Array(lines.joined(separator: "\n").utf8)).prefix(8).map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }.joined()
    }
}
