import FoundationEssentials

/// Where tests read and write.
package enum Folders {
    /// `Tests/Fixtures`.
    package static let fixtures = #filePath.split(separator: "/").dropLast(2).reduce("") { "\($0)/\($1)" } + "/Fixtures"
    package static let nano = "\(fixtures)/castor-nano"
    /// Of the models that come with the program.
    package static let weights =
        fixtures.split(separator: "/").dropLast(2).reduce("") { "\($0)/\($1)" } + "/weights"

    /// Runs `body` with a new empty folder, which is gone afterwards.
    package static func withTemporary<Result>(_ body: (String) throws -> Result) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "castor-test-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try body(folder)
    }

    /// A copy of castor-nano to damage.
    package static func withNanoCopy<Result>(_ body: (String) throws -> Result) throws -> Result {
        try withTemporary { folder in
            let copy = "\(folder)/model"
            try FileManager.default.copyItem(atPath: nano, toPath: copy)
            return try body(copy)
        }
    }

    package static func read(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(filePath: path)))
    }

    package static func write(_ bytes: [UInt8], _ path: String) throws {
        try Data(bytes).write(to: URL(filePath: path))
    }
}
