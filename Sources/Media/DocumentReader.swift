private import CPoppler
import Glibc

/// A page as it looks, and what it says.
package struct DocumentPage: Sendable {
    package let image: PixelImage
    /// The text layer in reading order, or what was recognised; white space at its ends is removed. May be empty.
    package let text: String
}

/// The pages of a document, in order.
package struct DecodedDocument: Sendable {
    package let pages: [DocumentPage]
    package let notes: [MediaNote]
}

/// PDF pages by Poppler, which runs in a process of its own with bounds on its time and memory.
package enum DocumentReader {
    /// - Parameters:
    ///   - recognisesText: whether pages without a text layer are read by OCR
    ///   - textOnly: whether pages are not rendered: each is one white pixel
    ///
    /// Throws `empty`, `damaged`, `encrypted`, `tooManyPages`, `documentTooCostly`, `textRecognitionMissing`,
    /// `documentLibraryMissing` and `documentProcess`.
    package static func decode(
        _ bytes: RawSpan, recognisesText: Bool = false, textOnly: Bool = false, limits: MediaLimits = MediaLimits()
    ) throws(MediaError) -> DecodedDocument {
        try bytes.withUnsafeBytes { bytes throws(MediaError) in
            try limits.watching { () throws(MediaError) in
                try decode(bytes, recognisesText: recognisesText, textOnly: textOnly, limits)
            }
        }
    }

    private static func decode(
        _ bytes: UnsafeRawBufferPointer, recognisesText: Bool, textOnly: Bool, _ limits: MediaLimits
    ) throws(MediaError) -> DecodedDocument {
        guard !bytes.isEmpty else { throw .empty }
        // Its process maps the document, which is copied for it.
        guard bytes.count < limits.maxDocumentBytes else {
            throw failure(CASTOR_PDF_STOPPED, nil, limits, limits.maxDocumentSeconds)
        }
        let request = request(recognisesText: recognisesText, textOnly: textOnly, limits)
        var isEndedFromOutside = false
        do throws(MediaError) { return try attempt(bytes, request, limits, &isEndedFromOutside) } catch {
            guard isEndedFromOutside else { throw error }
        }
        // Once more: it was not the document's doing.
        return try attempt(bytes, request, limits, &isEndedFromOutside)
    }

    fileprivate static func request(recognisesText: Bool, textOnly: Bool, _ limits: MediaLimits) -> castor_pdf_limits {
        var request = castor_pdf_limits()
        request.max_pages = Int32(clamping: limits.maxPages)
        request.max_side = Int32(limits.maxPageSide)
        request.dots_per_inch = limits.pageDotsPerInch
        request.seconds = limits.maxDocumentSeconds + (recognisesText ? limits.maxTextRecognitionSeconds : 0)
        request.memory = limits.maxDocumentBytes
        request.recognise = recognisesText
        request.text_only = textOnly
        request.cancelled = limits.cancellation?.flag
        return request
    }

    private static func attempt(
        _ bytes: UnsafeRawBufferPointer, _ request: castor_pdf_limits, _ limits: MediaLimits,
        _ isEndedFromOutside: inout Bool
    ) throws(MediaError) -> DecodedDocument {
        var request = request
        var document: OpaquePointer?
        var status = castor_pdf_open(bytes.baseAddress, bytes.count, &request, &document)
        defer { castor_pdf_close(document) }
        var pages: [DocumentPage] = []
        while status == CASTOR_PDF_OK, let document {
            var page = castor_pdf_page()
            status = castor_pdf_next(document, &page)
            guard status == CASTOR_PDF_OK else { break }
            guard pages.count < limits.maxPages else {
                free(page.rgb)
                free(page.text)
                throw .decoderStopped("its process sends more pages than it was asked for")
            }
            pages.append(Self.page(page))
        }
        guard status == CASTOR_PDF_END else {
            isEndedFromOutside = status == CASTOR_PDF_ENDED
            let failure = failure(status, document, limits, request.seconds)
            note(status, failure, limits)
            throw failure
        }
        let claimed = document.map { Int(castor_pdf_page_count($0)) } ?? pages.count
        var oddities: [String] = []
        if claimed > pages.count { oddities.append("it claims \(counted(claimed, "page")); \(are(pages.count)) in it") }
        if document.map({ castor_pdf_message($0)[0] != 0 }) ?? false {
            oddities.append("a picture in it is cut short, and white where it lacks pixels")
        }
        return DecodedDocument(pages: pages, notes: oddities.map { .damaged(format: "pdf", reason: $0) })
    }

    /// Takes over the page's memory.
    fileprivate static func page(_ page: castor_pdf_page) -> DocumentPage {
        defer {
            free(page.rgb)
            free(page.text)
        }
        let size = ImageSize(width: Int(page.width), height: Int(page.height))
        let pixels = Array(UnsafeBufferPointer(start: page.rgb, count: 3 * size.pixelCount))
        let bytes = UnsafeRawBufferPointer(start: page.text, count: page.text_size)
        let text = String(decoding: bytes, as: UTF8.self)
        return DocumentPage(image: PixelImage(size: size, pixels: pixels), text: text.trimmed)
    }

    /// Those that ended amid the document.
    fileprivate static func note(_ status: castor_pdf_status, _ failure: MediaError, _ limits: MediaLimits) {
        switch status {
        case CASTOR_PDF_ENDED, CASTOR_PDF_STOPPED, CASTOR_PDF_TOO_SLOW:
            if limits.cancellation?.isCancelled != true { DecoderEndings.note(failure.description, isDocument: true) }
        default: break
        }
    }

    fileprivate static func failure(
        _ status: castor_pdf_status, _ document: OpaquePointer?, _ limits: MediaLimits, _ seconds: Double
    ) -> MediaError {
        let message = document.map { String(cString: castor_pdf_message($0)) } ?? ""
        func damaged(_ reason: String) -> MediaError { .damaged(format: "pdf", reason: reason) }
        switch status {
        case CASTOR_PDF_MISSING: return .documentLibraryMissing(message)
        case CASTOR_PDF_ENCRYPTED: return .encrypted
        case CASTOR_PDF_DAMAGED: return damaged(message.isEmpty ? "it cannot be read" : message)
        case CASTOR_PDF_TOO_MANY:
            return .tooManyPages(count: document.map { Int(castor_pdf_page_count($0)) } ?? 0, limit: limits.maxPages)
        case CASTOR_PDF_NO_PAGES: return damaged("it has no pages")
        case CASTOR_PDF_BAD_PAGE: return damaged("a page of it: \(message)")
        case CASTOR_PDF_TOO_SLOW: return .documentTooCostly("rendering takes longer than \(Int(seconds)) s")
        case CASTOR_PDF_STOPPED:
            return .documentTooCostly(
                "rendering needs more than \(limits.maxDocumentBytes >> 20) MiB of memory, or ended with a fault")
        case CASTOR_PDF_NO_OCR: return .textRecognitionMissing(message)
        default: return .documentProcess(message)
        }
    }

    /// Poppler's version, or why it cannot be loaded.
    static var libraryVersion: String { String(cString: castor_pdf_version()) }
}

/// The pages of a document one after the other, however many: no more of them are held than are asked for.
package final class DocumentPages {
    private var document: OpaquePointer?
    private let limits: MediaLimits
    private var status: castor_pdf_status
    /// Pages given so far.
    package private(set) var count = 0

    /// - Parameters:
    ///   - bytes: copied for the process that renders them
    ///   - first: the page to begin with, counted from 1
    ///
    /// Throws as ``DocumentReader/decode(_:recognisesText:textOnly:limits:)``, as does ``next()``.
    package init(
        _ bytes: RawSpan, textOnly: Bool = false, from first: Int = 1, limits: MediaLimits
    ) throws(MediaError) {
        self.limits = limits
        guard bytes.byteCount > 0 else { throw .empty }
        guard bytes.byteCount < limits.maxDocumentBytes else {
            throw DocumentReader.failure(CASTOR_PDF_STOPPED, nil, limits, limits.maxDocumentSeconds)
        }
        var request = DocumentReader.request(recognisesText: false, textOnly: textOnly, limits)
        request.first_page = Int32(clamping: max(first, 1) - 1)
        var document: OpaquePointer?
        status = bytes.withUnsafeBytes { castor_pdf_open($0.baseAddress, $0.count, &request, &document) }
        self.document = document
    }

    deinit { castor_pdf_close(document) }

    /// nil after the last.
    package func next() throws(MediaError) -> DocumentPage? {
        guard status == CASTOR_PDF_OK || status == CASTOR_PDF_END else { throw failure }
        guard status == CASTOR_PDF_OK, let document, count < limits.maxPages else { return nil }
        var page = castor_pdf_page()
        status = castor_pdf_next(document, &page)
        if status == CASTOR_PDF_END { return nil }
        guard status == CASTOR_PDF_OK else {
            let failure = failure
            DocumentReader.note(status, failure, limits)
            throw failure
        }
        count += 1
        return DocumentReader.page(page)
    }

    private var failure: MediaError { DocumentReader.failure(status, document, limits, limits.maxDocumentSeconds) }
}

extension String {
    /// Without white space at both ends.
    fileprivate var trimmed: String {
        guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return String(self[first...last])
    }
}
