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

    func write(_ bytes: [UInt8], _ name: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    }

    func write(_ text: String, _ name: String) throws {
        try write(Array(text.utf8), name)
    }

    func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")))
    }

    func size(_ name: String) -> Int {
        var status = stat()
        return stat("\(path)/\(name)", &status) == 0 ? Int(status.st_size) : 0
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
}
