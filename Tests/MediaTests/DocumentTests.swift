import Glibc
import Media
import Testing

/// PDF pages and texts, and documents that are damaged, or lie, or want too much.
@Suite struct DocumentTests {
    private static let font = "/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>>>"
    /// Red left, blue right, green on top.
    private static let bars =
        "1 0 0 rg 0 0 50 100 re f 0 0 1 rg 50 0 50 100 re f 0 1 0 rg 0 80 100 20 re f"
    /// Invisible, because the fonts of the machine are not the test's business.
    private static let words =
        "BT /F 9 Tf 3 Tr 5 60 Td (Rain in July.) Tj 0 -20 Td (Snow in May.) Tj ET"

    private func pages(
        _ bytes: [UInt8], recognisesText: Bool = false, limits: MediaLimits = MediaLimits()
    ) throws -> [DocumentPage] {
        try DocumentReader.decode(bytes.span.bytes, recognisesText: recognisesText, limits: limits).pages
    }

    private func color(_ image: PixelImage, _ x: Int, _ y: Int) -> [UInt8] {
        Array(image.pixels[3 * (y * image.width + x)..<3 * (y * image.width + x) + 3])
    }

    @Test func pagesAreRenderedInOrderWithTheirTexts() throws {
        let bytes = Builder.pdf(
            pages: [(100, 100), (150, 101)], content: "\(Self.bars) \(Self.words)", resources: Self.font)
        let pages = try pages(bytes)
        #expect(pages.map(\.image.size) == [ImageSize(width: 100, height: 100), ImageSize(width: 150, height: 101)])
        for page in pages { #expect(page.text == "Rain in July.\nSnow in May.") }
        let image = pages[0].image
        #expect(color(image, 25, 50) == [255, 0, 0] && color(image, 75, 50) == [0, 0, 255])
        #expect(color(image, 50, 5) == [0, 255, 0] && color(pages[1].image, 140, 50) == [255, 255, 255])
        let none = try self.pages(Builder.pdf(pages: [(100, 100)], content: Self.bars))
        #expect(none.map(\.text) == [""])
    }

    @Test func turnedPagesStandUpright() throws {
        let image = try pages(Builder.pdf(pages: [(100, 60)], content: Self.bars, page: "/Rotate 90"))[0].image
        #expect(image.size == ImageSize(width: 60, height: 100))
        // What is left in the file is on top.
        #expect(color(image, 30, 20) == [255, 0, 0] && color(image, 30, 80) == [0, 0, 255])
    }

    @Test func sizesAreBounded() throws {
        let image = try pages(Builder.pdf(pages: [(14_400, 7_200)], content: Self.bars))[0].image
        #expect(image.size == ImageSize(width: 2_048, height: 1_024))
        let tiny = try pages(Builder.pdf(pages: [(1, 1)], content: Self.bars))[0].image
        #expect(tiny.size == ImageSize(width: 1, height: 1))
        #expect(try pages(Builder.pdf(pages: [(1, 2_000_000_000)]))[0].image.height == 2_048)
    }

    @Test(arguments: [7, 1_000]) func tooManyPagesAreCountedAndNotRendered(count: Int) {
        let bytes = Builder.pdf(pages: Array(repeating: (40, 40), count: count), content: Self.bars)
        #expect(throws: MediaError.tooManyPages(count: count, limit: 6)) { try pages(bytes) }
    }

    @Test func sixPagesAreRead() throws {
        #expect(try pages(Builder.pdf(pages: Array(repeating: (40, 40), count: 6), content: Self.bars)).count == 6)
    }

    @Test func aDocumentWithoutPagesIsDamaged() {
        #expect(throws: MediaError.damaged(format: "pdf", reason: "it has no pages")) {
            try pages(Builder.pdf(pages: []))
        }
    }

    @Test func aDocumentMayClaimMorePagesThanItHas() throws {
        func document(claimed: Int, last: String = "") -> [UInt8] {
            Builder.pdf([
                "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count \(claimed)/Kids[3 0 R 4 0 R\(last)]>>",
                "<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]/Contents 6 0 R>>",
                "<</Type/Page/Parent 2 0 R/MediaBox[0 0 150 101]/Contents 6 0 R>>",
                "<</Type/Page/Parent 2 0 R/MediaBox[0 0 170 110]/Contents 6 0 R>>",
                "<</Length \(Self.bars.utf8.count)>>stream\n\(Self.bars)\nendstream",
            ])
        }
        for claimed in [3, 5, 2_147_483_647] {
            let bytes = document(claimed: claimed)
            let decoded = try DocumentReader.decode(bytes.span.bytes)
            #expect(decoded.pages.map(\.image.width) == [100, 150])
            #expect(decoded.notes == [.damaged(format: "pdf", reason: "it claims \(claimed) pages; 2 are in it")])
            #expect(try decoded.pages.map(\.image) == pages(document(claimed: 2)).map(\.image))
            // Where its end is missing, its pages may be, too.
            #expect(throws: MediaError.self) { try pages(Array(bytes.dropLast(8))) }
        }
        // A reference to nothing is no page.
        #expect(try pages(document(claimed: 4, last: " 9 0 R 5 0 R")).map(\.image.width) == [100, 150, 170])
        let honest = document(claimed: 3, last: " 5 0 R")
        #expect(try DocumentReader.decode(honest.span.bytes).notes.isEmpty)
    }

    /// A page of one picture.
    private func document(
        width: Int, height: Int, _ data: [UInt8], filter: String = "", color: String = "/DeviceRGB"
    ) -> [UInt8] {
        let content = "100 0 0 100 0 0 cm /X Do"
        let head =
            "<</Type/XObject/Subtype/Image/Width \(width)/Height \(height)/ColorSpace\(color)/BitsPerComponent 8"
            + "\(filter)/Length \(data.count)>>stream\n"
        let objects = [
            "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count 1/Kids[3 0 R]>>",
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]/Contents 4 0 R/Resources<</XObject<</X 5 0 R>>>>>>",
            "<</Length \(content.utf8.count)>>stream\n\(content)\nendstream",
        ]
        return Builder.pdf(objects.map { Array($0.utf8) } + [Array(head.utf8) + data + Array("\nendstream".utf8)])
    }

    /// Poppler leaves white what is missing.
    @Test func aPictureThatIsCutIsSaid() throws {
        let note = MediaNote.damaged(
            format: "pdf", reason: "a picture in it is cut short, and white where it lacks pixels")
        let rows = [UInt8](repeating: 0x33, count: 3 * 40 * 30)
        let (half, deflated) = (Array(rows.prefix(rows.count / 2)), "/Filter/FlateDecode")
        let marked = (0..<30).flatMap { _ in [0] + rows.prefix(120) }
        let predicted = "/Filter[/FlateDecode]/DecodeParms<</Predictor 15/Colors 3/Columns 40>>"
        let jpeg = try Fixture.bytes("rgb.jpg")
        let whole = [
            document(width: 40, height: 30, rows),
            document(width: 40, height: 30, Builder.zlib(rows), filter: deflated),
            document(width: 40, height: 30, Builder.zlib(marked), filter: predicted),
            document(width: 61, height: 33, jpeg, filter: "/Filter/DCTDecode"),
            // Where the form does not tell how much is needed.
            document(width: 40, height: 30, rows, filter: "/Filter[/ASCIIHexDecode/FlateDecode]"),
            document(width: 40, height: 90, rows, color: " 9 0 R"),
        ]
        for bytes in whole {
            let decoded = try DocumentReader.decode(bytes.span.bytes)
            #expect(decoded.notes.isEmpty)
        }
        let cut = [
            document(width: 40, height: 30, half),
            document(width: 40, height: 30, Builder.zlib(half), filter: deflated),
            document(width: 40, height: 30, Array(Builder.zlib(rows).prefix(1_000)), filter: deflated),
            document(width: 40, height: 30, Builder.zlib(rows), filter: predicted),
            document(width: 61, height: 33, Array(jpeg.prefix(jpeg.count / 2)), filter: "/Filter/DCTDecode"),
            document(width: 60_000, height: 60_000, Builder.zlib(rows), filter: deflated),
        ]
        for bytes in cut {
            let decoded = try DocumentReader.decode(bytes.span.bytes)
            #expect(decoded.notes == [note] && decoded.pages.count == 1)
        }
        // Of those who want the text alone, none looks at pictures.
        let first = cut[0]
        let text = try DocumentReader.decode(first.span.bytes, textOnly: true)
        #expect(text.notes.isEmpty)
    }

    @Test func anEncryptedDocumentSaysSo() {
        let owner = String(repeating: "28", count: 32)
        let user = String(repeating: "4e", count: 32)
        let bytes = Builder.pdf(
            ["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count 0/Kids[]>>"],
            trailer: "/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<\(owner)>/U<\(user)>>>/ID[<00><00>]")
        #expect(throws: MediaError.encrypted) { try pages(bytes) }
    }

    /// A form that only its maker's program shows: the page that says so is what every other program sees.
    @Test func anXFAFormIsThePageThatItHas() throws {
        let form = Builder.pdf(
            pages: [(100, 100)], content: Self.bars, catalog: "/AcroForm<</XFA(<xdp/>)/Fields[]>>")
        #expect(try pages(form).count == 1)
    }

    @Test func damagedDocumentsAreRefused() throws {
        #expect(throws: MediaError.empty) { try pages([]) }
        for text in ["%PDF-1.4\n", "%PDF-1.7\n%%EOF\n", "%PDF-1.4\n1 0 obj <<>> endobj\ntrailer<</Root 1 0 R>>\n"] {
            #expect(throws: MediaError.self) { try pages(Array(text.utf8)) }
        }
        let bytes = Builder.pdf(pages: [(100, 100)], content: "\(Self.bars) \(Self.words)", resources: Self.font)
        var random = SeededGenerator(state: 9)
        for _ in 0..<24 {
            var damaged = bytes
            for _ in 0..<8 {
                damaged[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            if let pages = try? pages(damaged) { #expect(pages.count <= 6) }
        }
    }

    /// Half a megabyte of operators again and again through forms that draw forms: hours of work.
    @Test func endlessWorkEndsInTime() {
        var limits = MediaLimits()
        limits.maxDocumentSeconds = 1
        #expect(throws: MediaError.documentTooCostly("rendering takes longer than 1 s")) {
            try pages(Builder.endlessDocument(), limits: limits)
        }
    }

    /// An image of 30,000 x 30,000 pixels in a few bytes: 3.6 GB when it is unpacked.
    @Test func aBombInAStreamEndsWithinItsMemory() throws {
        let before = peakMemory()
        let image =
            "<</Type/XObject/Subtype/Image/Width 60000/Height 60000/BitsPerComponent 8/ColorSpace/DeviceRGB"
            + "/Filter/ASCIIHexDecode/Length 3>>stream\n00>\nendstream"
        let bytes = Builder.pdf([
            "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count 1/Kids[3 0 R]>>",
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]/Contents 4 0 R/Resources<</XObject<</X 5 0 R>>>>>>",
            "<</Length 26>>stream\n60000 0 0 60000 0 0 cm /X Do\nendstream", image,
        ])
        var limits = MediaLimits()
        limits.maxDocumentSeconds = 5
        // Refused, or drawn as far as it goes: in either case within bounds.
        if let pages = try? pages(bytes, limits: limits) { #expect(pages.count == 1) }
        #expect(peakMemory() - before < 64 << 20)
    }

    @Test func textRecognitionIsClearAboutItsLibrary() throws {
        let bytes = Builder.pdf(pages: [(100, 100)], content: Self.bars)
        do {
            _ = try pages(bytes, recognisesText: true)
        } catch MediaError.textRecognitionMissing(let reason) {
            #expect(!reason.isEmpty)
        }
        // A page with a text layer needs no recognition.
        let text = Builder.pdf(pages: [(100, 100)], content: Self.words, resources: Self.font)
        #expect(try pages(text, recognisesText: true)[0].text.hasPrefix("Rain"))
    }

    /// Of this process, in bytes.
    private func peakMemory() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss << 10
    }
}
