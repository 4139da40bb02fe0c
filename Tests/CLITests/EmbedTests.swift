import Foundation
import Testing

/// `castor embed PART...`
@Suite struct EmbedTests {
    private let folder: Workspace

    init() throws {
        folder = try Workspace()
        try folder.copyMedia("scene.jpg", "rgb.png", "noise-16k.wav", "music.ogg")
    }

    private func embed(_ arguments: String...) throws -> Answer {
        try embed(arguments)
    }

    private func embed(_ arguments: [String]) throws -> Answer {
        let outcome = try CastorProgram.run(["embed"] + arguments, in: folder)
        try #require(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.isEmpty)
        #expect(outcome.text.hasSuffix("}\n"))
        return try Answer(outcome.text)
    }

    @Test(arguments: [
        (["a dog barks"], ["TEXT"]),
        (["@scene.jpg"], ["IMAGE"]),
        (["@music.ogg"], ["AUDIO"]),
        (["a dog barks", "@scene.jpg", "@noise-16k.wav"], ["TEXT", "IMAGE", "AUDIO"]),
        (["@noise-16k.wav", "between", "@rgb.png", "@scene.jpg", "after"], ["TEXT", "IMAGE", "AUDIO"]),
    ])
    func allPartsGiveOneVector(parts: [String], modalities: [String]) throws {
        let answer = try embed(parts)
        expectUnit(answer.embedding.values, count: 3072)
        let usage = answer.usageMetadata
        #expect(usage.promptTokenDetails.map(\.modality) == modalities)
        #expect(usage.promptTokenDetails.allSatisfy { $0.tokenCount > 0 })
        #expect(usage.promptTokenCount == usage.promptTokenDetails.reduce(0) { $0 + $1.tokenCount })
    }

    @Test func orderOfPartsMatters() throws {
        let (one, other) = (try embed("a dog", "@rgb.png"), try embed("@rgb.png", "a dog"))
        #expect(one.embedding.values != other.embedding.values)
    }

    @Test func sameCallGivesSameBytes() throws {
        let arguments = ["embed", "a dog barks", "@scene.jpg", "@music.ogg"]
        let first = try CastorProgram.run(arguments, in: folder)
        #expect(try CastorProgram.run(arguments, in: folder).output == first.output)
    }

    @Test(arguments: [1, 10, 128, 768, 1536, 3072])
    func smallerSizesAreNormalisedPrefixes(dimensions: Int) throws {
        let whole = try embed("a dog", "@rgb.png").embedding.values
        let values = try embed("a dog", "@rgb.png", "--dimensions", "\(dimensions)").embedding.values
        expectUnit(values, count: dimensions)
        let prefix = whole.prefix(dimensions)
        let norm = prefix.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        expectClose(values, prefix.map { Float(Double($0) / norm) })
    }

    @Test(arguments: [
        ("retrieval_query", nil, "task: search result | query: a dog"),
        ("RETRIEVAL_QUERY", nil, "task: search result | query: a dog"),
        ("retrieval-document", nil, "title: none | text: a dog"),
        ("retrieval_document", "Pets", "title: Pets | text: a dog"),
        ("semantic_similarity", nil, "task: sentence similarity | query: a dog"),
        ("classification", nil, "task: classification | query: a dog"),
        ("clustering", nil, "task: clustering | query: a dog"),
        ("question_answering", nil, "task: question answering | query: a dog"),
        ("fact_verification", nil, "task: fact checking | query: a dog"),
        ("code_retrieval_query", nil, "task: code retrieval | query: a dog"),
    ])
    func taskIsAPromptBeforeTheFirstText(task: String, title: String?, prompted: String) throws {
        var arguments = ["@rgb.png", "a dog", "and a cat", "--task", task]
        if let title { arguments += ["--title", title] }
        #expect(try embed(arguments).embedding.values == embed("@rgb.png", prompted, "and a cat").embedding.values)
    }

    @Test func taskChangesNothingWithoutText() throws {
        let (with, without) = (try embed("@rgb.png", "--task", "clustering"), try embed("@rgb.png"))
        #expect(with.embedding.values == without.embedding.values)
    }

    @Test func atSignAndDashCanBeText() throws {
        try folder.write("@scene.jpg", "at.txt")
        try folder.write("--dimensions", "dash.txt")
        #expect(try embed("@@scene.jpg").embedding.values == embed("@at.txt").embedding.values)
        #expect(try embed("--", "--dimensions").embedding.values == embed("@dash.txt").embedding.values)
        #expect(try embed("--dimensions", "8", "--", "@rgb.png", "-x").embedding.values.count == 8)
    }

    @Test func modelComesFromTheOptionElseTheEnvironment() throws {
        let byOption = try CastorProgram.run(
            ["embed", "a", "--model", CastorProgram.nano], in: folder, model: "/nowhere")
        let byVariable = try CastorProgram.run(["embed", "a"], in: folder)
        #expect(byOption.status == 0)
        #expect(byOption.output == byVariable.output)
    }

    @Test func longTextIsCutAndSaysSo() throws {
        // One token a byte or fewer: longer than the context of 8,192 either way.
        try folder.write(String(repeating: "0 9 ", count: 5_000), "long.txt")
        let outcome = try CastorProgram.run(["embed", "@long.txt", "--dimensions", "2"], in: folder)
        #expect(outcome.status == 0)
        #expect(outcome.errors == "castor: the content is longer than the context and was cut at the end\n")
        #expect(try Answer(outcome.text).usageMetadata.promptTokenCount == 8_192)
    }

    @Test func timingGoesToStandardError() throws {
        let outcome = try CastorProgram.run(["embed", "a", "--timing", "--dimensions", "1"], in: folder)
        #expect(outcome.errors.hasPrefix("open "))
        #expect(outcome.lines.count == 1)
    }
}
