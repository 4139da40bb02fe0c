import Foundation
import Testing

/// `castor embed --batch`: every line of input has its line of output.
@Suite struct BatchTests {
    private let folder: Workspace

    init() throws {
        folder = try Workspace()
    }

    static func line(key: String?, _ text: String, dimensions: Int? = 4) -> String {
        let key = key.map { #""key":"\#($0)","# } ?? ""
        let size = dimensions.map { #","outputDimensionality":\#($0)"# } ?? ""
        return #"{\#(key)"request":{"content":{"parts":[{"text":"\#(text)"}]}\#(size)}}"# + "\n"
    }

    private func run(_ input: String, _ arguments: String...) throws -> [BatchAnswer] {
        try run(Array(input.utf8), arguments)
    }

    private func run(_ input: [UInt8], _ arguments: [String] = []) throws -> [BatchAnswer] {
        try folder.write(input, "in.jsonl")
        let outcome = try CastorProgram.run(["embed", "--batch", "in.jsonl"] + arguments, in: folder)
        try #require(outcome.status == 0, "\(outcome.errors)")
        return try outcome.lines.map { try BatchAnswer($0) }
    }

    @Test func answersComeInOrder() throws {
        // More than one group, of very different lengths.
        let texts = (0..<600).map { String(repeating: "word ", count: $0 * 7 % 31) + "\($0)" }
        let answers = try run(texts.enumerated().map { Self.line(key: "k\($0.offset)", $0.element) }.joined())
        #expect(answers.map(\.key) == texts.indices.map { "k\($0)" })
        for index in [0, 255, 256, 599] {
            let alone = try CastorProgram.run(["embed", texts[index], "--dimensions", "4"], in: folder)
            expectClose(
                try #require(answers[index].response).embedding.values, try Answer(alone.text).embedding.values)
        }
    }

    @Test func sizesComeFromTheLineElseTheOption() throws {
        let input = Self.line(key: "a", "x", dimensions: 7) + Self.line(key: "b", "x", dimensions: nil)
        #expect(try run(input).map { $0.response?.embedding.values.count } == [7, 3072])
        #expect(try run(input, "--dimensions", "5").map { $0.response?.embedding.values.count } == [7, 5])
    }

    @Test func filesAreRelativeToTheBatchFile() throws {
        let sub = "\(folder.path)/sub"
        try FileManager.default.createDirectory(atPath: sub, withIntermediateDirectories: true)
        try folder.copyMedia("rgb.png")
        try FileManager.default.moveItem(atPath: "\(folder.path)/rgb.png", toPath: "\(sub)/rgb.png")
        let request = #"{"content":{"parts":[{"text":"a"},{"fileData":{"fileUri":"rgb.png"}}]}}"#
        try folder.write(#"{"key":"k","request":\#(request)}"#, "sub/in.jsonl")
        let outcome = try CastorProgram.run(["embed", "--batch", "sub/in.jsonl"], in: folder)
        let alone = try CastorProgram.run(["embed", "a", "@sub/rgb.png"], in: folder)
        let values = try BatchAnswer(outcome.text).response?.embedding.values
        #expect(try values == Answer(alone.text).embedding.values)
    }

    @Test func standardInputIsReadForADash() throws {
        try folder.write(Self.line(key: "a", "x"), "in.jsonl")
        let byName = try CastorProgram.run(["embed", "--batch", "in.jsonl"], in: folder)
        let byDash = try CastorProgram.run(
            ["embed", "--batch", "-"], input: "\(folder.path)/in.jsonl", in: folder)
        let byPipe = try CastorProgram.shell("cat in.jsonl | castor embed --batch -", in: folder)
        #expect(!byName.output.isEmpty)
        #expect(byDash.output == byName.output)
        #expect(byPipe.output == byName.output)
    }

    @Test func badLinesBecomeErrorsInTheirPlace() throws {
        let good = Self.line(key: "good", "x")
        let rows: [(line: String, key: String, code: Int?, message: String?)] = [
            (good, "good", nil, nil),
            ("{\n", "2", 400, "line 2: is not valid JSON (column 2: a key in quotes is expected here)"),
            ("{'key': 'k' 5}\n", "k", 400, "line 3: is not valid JSON (column 13: a comma or } is expected here)"),
            ("7\n", "4", 400, "line 4: must be an object, is 7"),
            (#"{"key":"no request"}"# + "\n", "no request", 400, #"line 5: lacks "request""#),
            (#"{"key":"no content","request":{}}"# + "\n", "no content", 400, #"line 6: request: lacks "content""#),
            (
                #"{"key":"extra","request":{"contents":[]}}"# + "\n", "extra", 400,
                #"line 7: request: unknown field "contents""#
            ),
            (
                #"{"key":"empty","request":{"content":{"parts":[]}}}"# + "\n", "empty", 400, "the content has no parts"
            ),
            (Self.line(key: "empty text", ""), "empty text", 400, "part 1 is empty"),
            (Self.line(key: "size", "x", dimensions: 3073), "size", 400, "3073 dimensions are outside 1...3072"),
            (
                #"{"key":"file","request":{"content":{"parts":[{"fileData":{"fileUri":"gone.png"}}]}}}"# + "\n",
                "file", 404, "part 1: gone.png: no such file"
            ),
            (good, "good", nil, nil),
        ]
        try folder.write(rows.map(\.line).joined(), "in.jsonl")
        let outcome = try CastorProgram.run(["embed", "--batch", "in.jsonl"], in: folder)
        #expect(outcome.status == 0)
        let answers = try outcome.lines.map { try BatchAnswer($0) }
        #expect(answers.map(\.key) == rows.map(\.key))
        #expect(answers.map { $0.error?.code } == rows.map(\.code))
        #expect(answers.map { $0.error?.message } == rows.map(\.message))
        #expect(answers.allSatisfy { ($0.response == nil) != ($0.error == nil) })
        #expect(
            outcome.errors
                == "castor: 10 of 12 contents failed, the first with key \"2\": line 2: is not valid JSON (column 2: a key in quotes is "
                + "expected here)\n")
    }

    @Test func absentKeysAreLineNumbersAndTwinsAreKept() throws {
        let lines = [Self.line(key: "twin", "a"), Self.line(key: nil, "b"), Self.line(key: "twin", "c")]
        #expect(try run(lines.joined()).map(\.key) == ["twin", "2", "twin"])
    }

    @Test func keysAreAnyText() throws {
        let keys = ["", " ", "\u{1F600}", "a\\\"b", "tab\\t", "\\u0001", "line\\nfeed"]
        let answers = try run(keys.map { Self.line(key: $0, "x") }.joined())
        #expect(answers.map(\.key) == ["", " ", "\u{1F600}", "a\"b", "tab\t", "\u{1}", "line\nfeed"])
        #expect(answers.allSatisfy { $0.response != nil })
    }

    @Test func lineEndsOfWindowsAndAMissingLastOne() throws {
        let plain = Self.line(key: "a", "x") + Self.line(key: "b", "y")
        let windows = plain.replacingOccurrences(of: "\n", with: "\r\n")
        let expected = try run(plain).map { $0.response?.embedding.values }
        #expect(try run(windows).map { $0.response?.embedding.values } == expected)
        #expect(try run(String(plain.dropLast())).map { $0.response?.embedding.values } == expected)
    }

    /// What the server's batch jobs take, and what editors and spreadsheets leave in a file.
    @Test func linesAsTheyComeAreTaken() throws {
        let request = #""request":{"content":{"parts":[{"text":"x"}]},"outputDimensionality":"4"}"#
        let lines = [
            "\u{feff}{\"key\":\"a\",\(request)}\r\n", "\n", "  \t\r\n", "{\"key\":7,\(request)}\n",
            "{\"key\":7.50,\(request)}\n",
            "{'key': 'single', 'request': {'content': {'parts': {'text': 'x'}}, 'outputDimensionality': 4}}\n",
            "{\"key\":\"caf\u{e9}\",\(request)}\n", "{\"key\":\"cafe\u{301}\",\(request)}\n",
            "{\(request)}\n", "\n", "{\"key\":\"\u{2028}\",\(request)}\n", "\n\n",
        ]
        let answers = try run(lines.joined())
        // A line without a key is known by the number that an editor shows.
        let keys = ["a", "7", "7.50", "single", "caf\u{e9}", "cafe\u{301}", "9", "\u{2028}"]
        #expect(answers.map { Array($0.key.utf8) } == keys.map { Array($0.utf8) })
        for answer in answers {
            // A processor may compute the rows of a batch with other last bits, and four values of 3,072 show them large.
            expectClose(
                try #require(answer.response).embedding.values, try #require(answers[0].response).embedding.values, 1e-4
            )
        }
        let text =
            #"{"key":"t","request":{"content":{"parts":[{"inlineData":{"mimeType":"","data":"\#(try png())"}}]}}}"#
        #expect(try run(text)[0].response != nil)
        #expect(try run("\u{feff}\n\r\n").isEmpty)
    }

    private func png() throws -> String {
        Data(try Workspace.bytes(at: "\(CastorProgram.fixtures)/media/rgb.png")).base64EncodedString()
    }

    @Test func invalidUTF8IsAnErrorOfItsLine() throws {
        let line = Array(Self.line(key: "a", "x").utf8)
        var damaged = Array(Self.line(key: "b", "?").utf8)
        damaged[try #require(damaged.firstIndex(of: UInt8(ascii: "?")))] = 0xFF
        let answers = try run(line + damaged + line)
        #expect(answers.map { $0.error?.message } == [nil, "line 2 is not valid UTF-8", nil])
    }

    @Test func lineAboveTheLimitIsAnErrorOfItsLine() throws {
        let line = Array(Self.line(key: "a", "x").utf8)
        let long = [UInt8](repeating: UInt8(ascii: " "), count: 100_000_001) + [UInt8(ascii: "\n")]
        let answers = try run(line + long + line)
        #expect(answers.map { $0.error?.message } == [nil, "line 2 is longer than 100000000 bytes", nil])
        #expect(answers.map(\.key) == ["a", "2", "a"])
    }

    @Test func emptyFileHasEmptyOutput() throws {
        #expect(try run("").isEmpty)
        #expect(try CastorProgram.run(["embed", "--batch", "in.jsonl", "-o", "out.jsonl"], in: folder).status == 0)
        #expect(try folder.bytes("out.jsonl").isEmpty)
    }

    @Test func tasksOfLinesCountOnlyWhenAskedFor() throws {
        let request = #"{"content":{"parts":[{"text":"a dog"}]},"taskType":"CLUSTERING","outputDimensionality":4}"#
        let input = #"{"key":"k","request":\#(request)}"# + "\n"
        func alone(_ arguments: String...) throws -> [Float] {
            try Answer(CastorProgram.run(["embed", "a dog", "--dimensions", "4"] + arguments, in: folder).text)
                .embedding.values
        }
        #expect(try run(input)[0].response?.embedding.values == alone())
        #expect(try run(input, "--apply-task-prompts")[0].response?.embedding.values == alone("--task", "clustering"))
    }

    @Test func memoryDoesNotGrowWithTheFile() throws {
        func peak(lines: Int) throws -> (kilobytes: Int, outputKilobytes: Int) {
            let name = "\(lines).jsonl"
            try folder.write(
                (0..<lines).map { Self.line(key: "\($0)", "some words and \($0)", dimensions: 256) }.joined(), name)
            let outcome = try CastorProgram.run(["embed", "--batch", name, "--output", "\(name).out"], in: folder)
            #expect(outcome.status == 0)
            return (outcome.peakKilobytes, folder.size("\(name).out") / 1_000)
        }
        let (small, large) = (try peak(lines: 2_000), try peak(lines: 20_000))
        // Buffers are full after some thousand lines and take about 10 MB; the output would be three times as much.
        let room = 20_000
        #expect(large.outputKilobytes - small.outputKilobytes > 2 * room)
        #expect(small.kilobytes > 0 && large.kilobytes < small.kilobytes + room, "\(small) and \(large) kB")
    }
}
