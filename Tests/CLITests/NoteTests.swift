import Foundation
import Testing

/// Files with a wrong name, and damaged files that have all their pixels: a vector, and a line on standard error.
@Suite struct NoteTests {
    private let folder: Workspace
    private static let mislabelled =
        "(photo.jpg): declared as image/jpeg, but the bytes are image/png, and taken as such"

    init() throws {
        folder = try Workspace()
        try folder.copyMedia("rgb.png", "clip.mp4")
        try folder.write(folder.bytes("rgb.png"), "photo.jpg")
        // Without its last chunk.
        try folder.write(folder.bytes("rgb.png").dropLast(12), "cut.png")
        try folder.write(folder.bytes("clip.mp4"), "clip.webm")
    }

    private func run(_ arguments: String...) throws -> CastorProgram.Outcome {
        let outcome = try CastorProgram.run(arguments, in: folder)
        #expect(outcome.status == 0, "\(outcome.errors)")
        return outcome
    }

    @Test func aWrongNameChangesNothingButIsSaid() throws {
        let outcome = try run("embed", "hello", "@photo.jpg")
        #expect(outcome.errors == "castor: note: part 2 \(Self.mislabelled)\n")
        #expect(try outcome.output == run("embed", "hello", "@rgb.png").output)
        let clip = try run("embed", "@clip.webm")
        #expect(
            clip.errors
                == "castor: note: part 1 (clip.webm): declared as video/webm, but the bytes are video/mp4, and taken as such\n"
        )
        #expect(try clip.output == run("embed", "@clip.mp4").output)
    }

    @Test func aDamagedFileThatIsWholeGivesItsVector() throws {
        let outcome = try run("embed", "@cut.png")
        #expect(outcome.errors == "castor: note: part 1 (cut.png): damaged png file: the file ends too early\n")
        #expect(try outcome.output == run("embed", "@rgb.png").output)
    }

    @Test func aTextThatIsAFileIsSaid() throws {
        #expect(
            try run("embed", "rgb.png", "hello").errors
                == "castor: note: rgb.png is a file, and was embedded as words; @ before it embeds what is in it\n")
        #expect(
            try run("similarity", "rgb.png", "hello").errors
                == "castor: note: rgb.png is a file, and was compared as words; @ before it compares what is in it\n")
        // The folder that it runs in.
        #expect(try run("embed", ".").errors == "")
    }

    @Test func partsKeepTheirNumbers() throws {
        let each = try run("embed", "--each", "@rgb.png", "@photo.jpg", "@cut.png").errors
        #expect(
            each.hasPrefix("castor: note: part 2 (photo.jpg): ") && each.contains("\ncastor: note: part 3 (cut.png): "))
        #expect(try run("similarity", "@rgb.png", "@photo.jpg").errors == "castor: note: part 2 \(Self.mislabelled)\n")
        #expect(try run("similarity", "@rgb.png", "@photo.jpg").text == "1.0\n")
    }

    @Test func aBatchNamesTwentyAndCountsAll() throws {
        func line(_ number: Int, _ file: String) -> String {
            #"{"key":"k\#(number)","request":{"content":{"parts":[{"fileData":{"fileUri":"\#(file)"}}]},"#
                + #""outputDimensionality":2}}"# + "\n"
        }
        try folder.write(line(0, "rgb.png") + line(1, "photo.jpg"), "in.jsonl")
        let outcome = try run("embed", "--batch", "in.jsonl")
        #expect(outcome.errors == "castor: note: key \"k1\": part 1 \(Self.mislabelled)\n")
        let vectors = try outcome.lines.map { try BatchAnswer($0).response?.embedding.values }
        #expect(vectors.count == 2)
        // A processor may compute the rows of a batch with other last bits, and two values of 3,072 show them large.
        expectClose(try #require(vectors[0]), try #require(vectors[1]), 1e-4)
        try folder.write((0..<30).map { line($0, "photo.jpg") }.joined(), "in.jsonl")
        let lines = try run("embed", "--batch", "in.jsonl").errors.split(separator: "\n")
        #expect(lines.count == 21 && lines.last == "castor: 30 contents have notes")
    }
}
