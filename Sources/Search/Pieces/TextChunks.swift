import Castor

/// A text in pieces that are about one thing each, as far as its paragraphs and headings tell.
package struct TextChunks: Sendable {
    package struct Options: Sendable, Equatable {
        /// Bytes of UTF-8 that a piece should come to, a few hundred tokens. The default is 1,200.
        package var bytes = 1_200
        /// Of a piece's end that the next one begins with. The default is 200.
        package var overlapBytes = 200

        package init() {}
    }

    package struct Chunk: Sendable, Equatable {
        /// What is embedded: the headings that it stands under, then its own text.
        package var text: String
        /// Its own text alone.
        package var own: String
        package var place: Place
    }

    private let options: Options

    package init(_ options: Options = Options()) {
        self.options = options
    }

    package func chunks(of text: String, as kind: TextKind) -> [Chunk] {
        let blocks =
            switch kind {
            case .plain, .source: TextBlock.paragraphs(of: text, markdown: false)
            case .markdown: TextBlock.paragraphs(of: text, markdown: true)
            case .html: TextBlock.html(text)
            case .subtitles: TextBlock.cues(of: text)
            }
        var packer = Packer(options: options)
        for block in blocks {
            if let level = block.headingLevel {
                packer.begin(heading: block.text, level: level, line: block.lines.lowerBound)
            } else {
                for part in block.split(atMost: options.bytes) { packer.add(part) }
            }
        }
        return packer.finish()
    }

    /// Blocks to pieces, in order.
    private struct Packer {
        let options: Options
        private var chunks: [Chunk] = []
        private var blocks: [TextBlock] = []
        /// Blocks at the front that the last piece had already.
        private var repeated = 0
        private var byteCount = 0
        private var headings: [(level: Int, text: String)] = []
        /// A heading without text of its own yet.
        private var openHeading: Int?
        /// Headings that have nothing under them, with those that they stand under: of several in a row one piece is made.
        private var bare: [(trail: String, text: String, line: Int)] = []

        init(options: Options) {
            self.options = options
        }

        mutating func begin(heading: String, level: Int, line: Int) {
            close(overlapping: false)
            closeHeading(before: level)
            headings.removeAll { $0.level >= level }
            headings.append((level, heading))
            openHeading = line
        }

        /// One that others stand under is in their pieces.
        private mutating func closeHeading(before level: Int? = nil) {
            guard let line = openHeading, let last = headings.last else { return }
            openHeading = nil
            if let level, level > last.level { return }
            bare.append((trail, last.text, line))
            if bare.reduce(0, { $0 + $1.trail.utf8.count + 1 }) >= options.bytes { closeBare() }
        }

        private mutating func closeBare() {
            guard let first = bare.first, let last = bare.last else { return }
            chunks.append(
                Chunk(
                    text: bare.map(\.trail).joined(separator: "\n"), own: bare.map(\.text).joined(separator: "\n"),
                    place: .lines(first.line...max(first.line, last.line))))
            bare = []
        }

        mutating func add(_ block: TextBlock) {
            closeBare()
            openHeading = nil
            if isApart(block) {
                close(overlapping: false)
            } else if byteCount > 0, byteCount + block.byteCount > options.bytes, blocks.count > repeated {
                close(overlapping: true)
            }
            blocks.append(block)
            byteCount += block.byteCount + 1
        }

        /// Seconds in which nothing is said before what is about something else.
        private static let longestPause = 30.0

        /// Whether it is said long after those before it, or before them.
        private func isApart(_ block: TextBlock) -> Bool {
            guard let last = blocks.last?.seconds, let end, let next = block.seconds else { return false }
            return next.lowerBound - end > Self.longestPause || next.lowerBound < last.lowerBound
        }

        /// When the last of them has been said.
        private var end: Double? { blocks.compactMap(\.seconds?.upperBound).max() }

        private var trail: String { headings.map(\.text).joined(separator: " > ") }

        private mutating func close(overlapping: Bool) {
            guard blocks.count > repeated, let first = blocks.first, let last = blocks.last else { return }
            let own = blocks.map(\.text).joined(separator: "\n")
            let place: Place
            if let start = first.seconds, let end {
                place = .seconds(start.lowerBound..<max(start.lowerBound, end))
            } else {
                place = .lines(first.lines.lowerBound...max(first.lines.lowerBound, last.lines.upperBound))
            }
            chunks.append(Chunk(text: headings.isEmpty ? own : "\(trail)\n\(own)", own: own, place: place))
            blocks = overlapping ? tail(last) : []
            repeated = blocks.count
            byteCount = blocks.reduce(0) { $0 + $1.byteCount + 1 }
        }

        /// The end of the last piece: whole blocks, or of a long one the last sentences.
        private func tail(_ last: TextBlock) -> [TextBlock] {
            var kept: [TextBlock] = []
            var room = options.overlapBytes
            for block in blocks.reversed() {
                guard block.byteCount <= room else { break }
                kept.insert(block, at: 0)
                room -= block.byteCount
            }
            if kept.isEmpty, let end = last.ending(atMost: options.overlapBytes) { kept = [end] }
            return kept.count < blocks.count || blocks.count == 1 ? kept : Array(kept.dropFirst())
        }

        mutating func finish() -> [Chunk] {
            close(overlapping: false)
            closeHeading()
            closeBare()
            return chunks
        }
    }
}

/// How a text is laid out, by its file's name: its bytes do not tell.
package enum TextKind: String, Sendable, CaseIterable {
    case plain, markdown, html, source, subtitles

    package init(fileExtension: String) {
        switch fileExtension {
        case "md", "markdown", "mdown", "mkd", "mdx": self = .markdown
        case "html", "htm", "xhtml", "xht": self = .html
        case "srt", "vtt": self = .subtitles
        case "", "txt", "text", "log", "rst", "adoc", "asciidoc", "org", "tex": self = .plain
        default: self = .source
        }
    }
}
