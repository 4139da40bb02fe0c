import Castor
import Foundation
import Testing

/// The example of docs/library.md compiles: it is the text between the two markers below.
@Suite struct ReadmeTests {
    private func example() throws {
        // example
        let embedder = try Embedder(modelPath: "weights/castor-small")
        let text = try embedder.embed(Content("a sleepy kitten"))
        print(text.values.count)  // 3072

        var options = EmbedOptions()
        options.dimensions = 768
        options.files = .relative(to: "build/demo")  // which files a content may name; none by default
        let mixed = try embedder.embed(["a dog barks", .file("dog.jpg"), .file("bark.wav")], options: options)
        print(mixed.values.count, mixed.usage.promptTokenCount)
        // end of example
    }

    @Test func holdsTheExampleThatCompiles() throws {
        let source = try String(contentsOfFile: #filePath, encoding: .utf8)
        let lines = source.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let start = try #require(lines.firstIndex(of: "        // example"))
        let end = try #require(lines.firstIndex(of: "        // end of example"))
        let example = lines[start + 1..<end].map { String($0.dropFirst(8)) }.joined(separator: "\n")
        let page = try String(contentsOfFile: "\(CastorProgram.repository)/docs/library.md", encoding: .utf8)
        #expect(page.contains("```swift\nimport Castor\n\n\(example)\n```"))
    }

    @Test func saysUntrainedWhileTheModelIs() throws {
        let card = try String(
            contentsOfFile: "\(CastorProgram.repository)/weights/castor-small/README.md", encoding: .utf8)
        #expect(try card.hasPrefix("# castor-small (untrained)") == readme().contains("is *untrained*"))
    }

    private func readme() throws -> String {
        try String(contentsOfFile: "\(CastorProgram.repository)/README.md", encoding: .utf8)
    }
}
