import Foundation
import Glibc

/// A temporary folder, gone when the last one who knows it goes.
final class Workspace {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "castor-tests-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func write(_ bytes: [UInt8], _ name: String, mode: mode_t = 0o644) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
        chmod("\(path)/\(name)", mode)
    }

    func write(_ text: String, _ name: String) throws {
        try write(Array(text.utf8), name)
    }

    func makeFolder(_ name: String, mode: mode_t = 0o755) throws {
        try FileManager.default.createDirectory(atPath: "\(path)/\(name)", withIntermediateDirectories: false)
        chmod("\(path)/\(name)", mode)
    }

    func remove(_ name: String) throws {
        try FileManager.default.removeItem(atPath: "\(path)/\(name)")
    }

    func bytes(_ name: String) throws -> [UInt8] {
        try Self.bytes(at: "\(path)/\(name)")
    }

    static func bytes(at path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    func size(_ name: String) -> Int {
        var status = stat()
        return stat("\(path)/\(name)", &status) == 0 ? Int(status.st_size) : 0
    }

    /// Lines that a file has, 0 where there is none yet.
    func lines(_ name: String) -> Int {
        ((try? bytes(name)) ?? []).count { $0 == UInt8(ascii: "\n") }
    }

    func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).filter { !$0.hasPrefix(".run-") }.sorted()
    }

    /// A file of Tests/Fixtures/media under its own name.
    func copyMedia(_ names: String...) throws {
        for name in names {
            try FileManager.default.copyItem(
                atPath: "\(CastorProgram.fixtures)/media/\(name)", toPath: "\(path)/\(name)")
        }
    }

    /// castor-nano as `model`, to be damaged.
    func copyModel() throws {
        try FileManager.default.copyItem(atPath: CastorProgram.nano, toPath: "\(path)/model")
    }

    /// castor-nano as `model`, with another configuration.
    func copyModel(replacing old: String, by new: String) throws {
        try copyModel()
        let text = String(decoding: try bytes("model/config.json"), as: UTF8.self)
        precondition(text.contains(old))
        try write(text.replacingOccurrences(of: old, with: new), "model/config.json")
    }
}
