import Castor
import CastorNumerics
import Dispatch
import Encoder
import TestSupport
import Testing

@Suite struct EmbedderTests {
    private static let embedder = try! Embedder(modelPath: Folders.nano)

    private static let texts = ["one", "two words", "a somewhat longer text about a grey cat", "Привет", "👋"]

    private func cosine(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

    @Test(arguments: [1, 10, 128, 768, 1_536, 3_072]) func everySizeIsTheNormalisedPrefix(dimensions: Int) throws {
        for text in Self.texts {
            let whole = try Self.embedder.embed(Content(text)).values
            var options = EmbedOptions()
            options.dimensions = dimensions
            let values = try Self.embedder.embed(Content(text), options: options).values
            #expect(values.count == dimensions)
            let norm = values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
            expectClose([Float(norm)], [1], .unitNorm, text)
            let prefix = whole.prefix(dimensions)
            let length = prefix.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
            expectClose(values, prefix.map { Float(Double($0) / length) }, Tolerance("prefix", 1e-7), text)
        }
    }

    @Test(arguments: [0, -1, 3_073, Int.max]) func otherSizesAreRefused(dimensions: Int) {
        var options = EmbedOptions()
        options.dimensions = dimensions
        #expect(throws: EmbedError.invalidDimensions(dimensions, limit: 3_072)) {
            try Self.embedder.embed(Content("x"), options: options)
        }
    }

    @Test func theSameCallGivesTheSameBits() throws {
        let contents = Self.texts.map { Content($0) }
        let first = try Self.embedder.embed(contents).map { try $0.get().values }
        for _ in 0..<5 {
            for (again, expected) in zip(Self.embedder.embed(contents), first) {
                expectClose(try again.get().values, expected, .equalBits)
            }
        }
    }

    @Test func manyCallersGetTheirOwnVectors() throws {
        let expected = try Self.texts.map { try Self.embedder.embed(Content($0)).values }
        DispatchQueue.concurrentPerform(iterations: 64) { index in
            let wanted = (0..<1 + index % 4).map { (index + $0) % Self.texts.count }
            let results = Self.embedder.embed(wanted.map { Content(Self.texts[$0]) })
            for (place, result) in zip(wanted, results) {
                guard case .success(let embedding) = result else {
                    Issue.record("\(result)")
                    continue
                }
                expectClose(embedding.values, expected[place], .batchInvariance, "caller \(index)")
            }
        }
    }

    @Test func manyMoreContentsThanOneBatchHolds() throws {
        var options = Embedder.Options()
        options.maxBatchTokens = 50
        let small = try Embedder(modelPath: Folders.nano, options: options)
        let contents = (0..<700).map { Content("text number \($0) " + String(repeating: "word ", count: $0 % 40)) }
        let expected = Self.embedder.embed(contents)
        for (result, expected) in zip(small.embed(contents), expected) {
            expectClose(try result.get().values, try expected.get().values, .batchInvariance)
        }
    }

    /// The vector of what follows, and as many tokens as are counted: 64 bytes a token of the context are read at first.
    @Test(arguments: [" ", "\n", "\u{200B}"]) func droppedCharactersInFrontChangeNothing(dropped: String) throws {
        let text = String(repeating: dropped, count: 600_000) + "x"
        for maxTokens in [nil, 2_048] {
            var options = EmbedOptions()
            options.maxTokens = maxTokens
            let (long, short) = (
                try Self.embedder.embed(Content(text), options: options),
                try Self.embedder.embed(Content("x"), options: options)
            )
            #expect(long.tokenCount == short.tokenCount && !long.truncated)
            expectClose(long.values, short.values, .batchInvariance)
            #expect(try Self.embedder.countTokens(Content(text)) == long.usage)
        }
    }

    /// Characters that normalisation makes many of: there are more tokens than bytes, and all are counted.
    @Test(arguments: ["\u{FDFA}", "a\u{FDFA}e\u{11A8}\u{FFFF}\u{FE0F}\u{202E}\u{3099}\u{1D15F}"])
    func asManyTokensAreCountedAsAreEmbedded(text: String) throws {
        for count in [1, 10, 100] {
            let content = Content(String(repeating: text, count: count))
            let embedding = try Self.embedder.embed(content)
            #expect(!embedding.truncated && embedding.tokenCount > text.utf8.count * count)
            #expect(try Self.embedder.countTokens(content) == embedding.usage)
        }
    }

    /// A row of the table that is not finite, which the model's file may hold: the contents beside it keep their vectors.
    @Test func whatTheModelCannotDoForOneContentTakesNoOtherWithIt() throws {
        try Folders.withNanoCopy { folder in
            try BrokenModel.breakRow(of: "Zug", sparing: ["one", "three"], in: folder)
            let embedder = try Embedder(modelPath: folder)
            let results = embedder.embed([Content("one"), Content("Zug"), Content("three")])
            guard case .failure(.model) = results[1] else {
                Issue.record("\(results[1])")
                return
            }
            for (index, text) in [(0, "one"), (2, "three")] {
                expectClose(
                    try results[index].get().values, try Self.embedder.embed(Content(text)).values, .batchInvariance)
            }
        }
    }

    @Test func aContentThatFailsTakesNoOtherWithIt() throws {
        let results = Self.embedder.embed([Content("a"), Content([]), Content(""), Content("b")])
        #expect(throws: Never.self) { try results[0].get() }
        #expect(throws: EmbedError.noParts) { try results[1].get() }
        #expect(throws: EmbedError.emptyPart(part: 1)) { try results[2].get() }
        expectClose(
            try results[3].get().values, try Self.embedder.embed(Content("b")).values, .batchInvariance)
    }

    @Test func truncationIsReportedOrRefused() throws {
        let long = Content(String(repeating: "word ", count: 9_000))
        let embedding = try Self.embedder.embed(long)
        #expect(embedding.truncated && embedding.tokenCount == 8_192)
        #expect(try !Self.embedder.embed(Content("short")).truncated)
        var options = EmbedOptions()
        options.autoTruncate = false
        #expect(throws: EmbedError.self) { try Self.embedder.embed(long, options: options) }
        #expect(throws: Never.self) { try Self.embedder.embed(Content("short"), options: options) }
    }

    /// The strings that the service documents for its second model.
    static let prompts: [(TaskType, String)] = [
        (.retrievalQuery, "task: search result | query: hi"), (.retrievalDocument, "title: none | text: hi"),
        (.semanticSimilarity, "task: sentence similarity | query: hi"),
        (.classification, "task: classification | query: hi"), (.clustering, "task: clustering | query: hi"),
        (.questionAnswering, "task: question answering | query: hi"),
        (.factVerification, "task: fact checking | query: hi"),
        (.codeRetrievalQuery, "task: code retrieval | query: hi"),
    ]

    @Test(arguments: prompts) func aTaskIsItsPrompt(task: TaskType, prompt: String) throws {
        #expect(task.prompt("hi") == prompt)
        var options = EmbedOptions()
        options.task = task
        let vector = try Self.embedder.embed(Content("hi"), options: options).values
        expectClose(vector, try Self.embedder.embed(Content(prompt)).values, .equalBits)
        #expect(TaskType(name: task.rawValue.lowercased().replacing("_", with: "-")) == task)
    }

    @Test func aTitleGoesIntoTheDocumentsPrompt() {
        #expect(TaskType.retrievalDocument.prompt("x", title: "T") == "title: T | text: x")
        #expect(TaskType.retrievalQuery.prompt("x", title: "T") == "task: search result | query: x")
    }

    @Test func anEmptyTextStaysAnErrorUnderAPrompt() {
        var options = EmbedOptions()
        options.task = .retrievalQuery
        #expect(throws: EmbedError.emptyPart(part: 1)) { try Self.embedder.embed(Content(""), options: options) }
    }

    @Test func tokensAreCountedAsTheServiceDoes() throws {
        let image = try Folders.read("\(Folders.fixtures)/media/rgb.png")
        let sound = try Folders.read("\(Folders.fixtures)/media/noise-16k.wav")
        let usage = try Self.embedder.embed(
            ["hi", .data(image, mimeType: "image/png"), .data(sound, mimeType: nil), .data(image, mimeType: nil)]
        ).usage
        let text = try Self.embedder.embed(Content("hi")).tokenCount
        #expect(usage.details.map(\.modality) == [.text, .image, .audio])
        #expect(usage.details.map(\.tokenCount) == [text, 2 * 258, 13])
        #expect(usage.promptTokenCount == text + 2 * 258 + 13)
    }

    @Test func sevenImagesAreTooMany() throws {
        let image = Part.data(try Folders.read("\(Folders.fixtures)/media/one-pixel.png"), mimeType: "image/png")
        #expect(throws: Never.self) { try Self.embedder.embed(Content(Array(repeating: image, count: 6))) }
        #expect(throws: EmbedError.tooManyImages(count: 7, limit: 6)) {
            try Self.embedder.embed(Content(Array(repeating: image, count: 7)))
        }
    }

    @Test func filesAreOpenedOnlyWhereAllowed() {
        let content: Content = [.file("media/rgb.png")]
        #expect(throws: EmbedError.fileNotAllowed(part: 1, path: "media/rgb.png")) { try Self.embedder.embed(content) }
        var options = EmbedOptions()
        options.files = .relative(to: Folders.fixtures)
        #expect(throws: Never.self) { try Self.embedder.embed(content, options: options) }
        for path in ["https://example.com/a.png", "gs://bucket/a.png", "file:///etc/hostname", "media/rgb.png\0.txt"] {
            #expect(throws: EmbedError.fileNotAllowed(part: 1, path: path)) {
                try Self.embedder.embed([.file(path)], options: options)
            }
        }
        #expect(throws: EmbedError.fileNotFound(part: 2, path: "nothing.png")) {
            try Self.embedder.embed(["x", .file("nothing.png")], options: options)
        }
        #expect(throws: EmbedError.fileUnreadable(part: 1, path: "media", reason: "is a folder")) {
            try Self.embedder.embed([.file("media")], options: options)
        }
    }

    @Test func bytesDecideWithinTheDeclaredKind() throws {
        let png = try Folders.read("\(Folders.fixtures)/media/rgb.png")
        let plain = try Self.embedder.embed([.data(png, mimeType: nil)])
        #expect(plain.notes.isEmpty)
        for type in ["image/jpeg", "image/webp", "image/heic"] {
            let embedding = try Self.embedder.embed(["a", .data(png, mimeType: type)])
            let reason = "declared as \(type), but the bytes are image/png, and taken as such"
            #expect(embedding.notes.map(\.description) == ["part 2: \(reason)"])
            let named = try Self.embedder.embed(["a", .data(png, mimeType: "image/png")])
            expectClose(embedding.values, named.values, .equalBits)
        }
        // Another kind is another file than was meant.
        for type in ["audio/wav", "video/mp4", "application/pdf"] {
            #expect(throws: EmbedError.self) { try Self.embedder.embed([.data(png, mimeType: type)]) }
        }
        #expect(throws: EmbedError.unsupportedType(part: 1, type: "application/zip")) {
            try Self.embedder.embed([.data(png, mimeType: "application/zip")])
        }
        #expect(throws: EmbedError.invalidText(part: 1, name: nil)) {
            try Self.embedder.embed([.data(png, mimeType: "text/plain")])
        }
        expectClose(
            try Self.embedder.embed([.data(Array("hi".utf8), mimeType: "text/plain; charset=utf-8")]).values,
            try Self.embedder.embed(Content("hi")).values, .equalBits)
    }

    /// Other precisions say the same of a content as single precision does, in its own company or another, and again with the same bits.
    @Test(arguments: [Embedder.Precision.bfloat16, .int8]) func otherPrecisionsStayNear(precision: Embedder.Precision)
        throws
    {
        var options = Embedder.Options()
        options.precision = precision
        let embedder = try Embedder(modelPath: Folders.nano, options: options)
        let isThere =
            PanelKernel(ComputePrecision(rawValue: precision.rawValue)!, beside: .best)?.precision.rawValue
            == precision.rawValue
        #expect(embedder.info.precision == (isThere ? precision.rawValue : "single"))
        #expect(Self.embedder.info.precision == "single")
        // Enough tokens for products of many rows.
        let contents = (Self.texts + [String(repeating: "a cat and a dog ", count: 40)]).map { Content($0) }
        let all = try embedder.embed(contents).map { try $0.get().values }
        #expect(try embedder.embed(contents).map { try $0.get().values } == all)
        for (content, values) in zip(contents, all) {
            #expect(cosine(values, try Self.embedder.embed(content).values) > 0.999)
            #expect(cosine(values, try embedder.embed(content).values) > 0.9999)
        }
    }
}
