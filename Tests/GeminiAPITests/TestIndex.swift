import Castor
import Foundation
import GeminiAPI
import Search
import TestSupport

/// An index of some files, made with castor-nano, in a folder that is gone afterwards.
struct TestIndex: Sendable {
    let folder: String
    var files: String { "\(folder)/files" }
    var path: String { "\(folder)/index" }

    static let notes = "# Boats\n\nThey sail.\n\n# Trains\n\nThey do not.\n"

    /// - Parameter change: of the files, before they are indexed
    static func with<Value>(
        _ change: (TestIndex) throws -> Void = { _ in }, _ body: (TestIndex) async throws -> Value
    ) async throws -> Value {
        let folder = FileManager.default.temporaryDirectory.appending(path: "castor-test-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: "\(folder)/files", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let index = TestIndex(folder: folder)
        for name in ["scene.jpg", "tall.png", "chirp-16k.wav", "clip.mp4", "two-pages.pdf"] {
            try FileManager.default.copyItem(
                atPath: "\(Folders.fixtures)/media/\(name)", toPath: "\(folder)/files/\(name)")
        }
        try index.write("a sleepy kitten\n", "kitten.txt")
        try index.write(notes, "notes.md")
        try index.write("<title>Page</title><script>alert(1)</script><p>a page of the web", "page.html")
        try change(index)
        try index.update()
        return try await body(index)
    }

    func write(_ text: String, _ name: String) throws { try Folders.write(Array(text.utf8), "\(files)/\(name)") }

    func writer() throws -> IndexWriter { try IndexWriter(path: path, model: try ModelIdentity(TestServer.embedder)) }

    func update() throws {
        let writer = try writer()
        defer { writer.close() }
        let root = RawPath(files).absolute
        try writer.remember(roots: [root])
        _ = try Indexer(TestServer.embedder, writer).run(roots: [root])
    }

    func opened(allowsIndexing: Bool = false) throws -> SearchIndex {
        try SearchIndex(
            path: path, embedder: TestServer.embedder, pool: pool, allowsIndexing: allowsIndexing)
    }
}

extension Client {
    func search(_ body: String) async throws -> Reply { try await post("/search/v1/query", body) }

    /// The number of the first item of a file.
    func item(_ name: String) async throws -> Int {
        let found = try await search(#"{"content":{"parts":[{"text":"x"}]},"top":100,"perFile":0}"#).json["results"]
            .array
        for item in found where try item["path"].string.hasSuffix("/\(name)") { return try item["id"].int }
        throw JSON.Missing(description: "no item of \(name)")
    }
}
