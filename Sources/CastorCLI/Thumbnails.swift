import ArgumentParser
import Castor
import FoundationEssentials
import Glibc
import Media

/// Small pictures in a terminal that shows them.
enum Thumbnails: String, ExpressibleByArgument, CaseIterable {
    case auto, kitty, sixel, none

    /// Lines that one takes.
    static let rows = 4
    /// Pixels of its longer side.
    private static let side = 160
    /// Larger files are not read for a thumbnail.
    private static let maxFileBytes = 64 << 20

    /// What standard output gets: of `auto` what its environment tells, because to ask a terminal would wait for those that do not answer.
    var protocolOfTerminal: Thumbnails {
        guard self == .auto else { return self }
        guard isatty(STDOUT_FILENO) == 1 else { return .none }
        func variable(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }
        return Self.spoken(
            term: variable("TERM"), program: variable("TERM_PROGRAM"), window: variable("KITTY_WINDOW_ID"))
    }

    private static func spoken(term: String, program: String, window: String) -> Thumbnails {
        // A multiplexer keeps the environment of the terminal around it, and passes nothing on.
        guard !term.hasPrefix("screen"), !term.hasPrefix("tmux") else { return .none }
        if term.contains("kitty") || term.contains("ghostty") || !window.isEmpty
            || ["WezTerm", "ghostty"].contains(program)
        {
            return .kitty
        }
        let drawsSixels =
            ["foot", "mlterm", "yaft", "contour"].contains { term == $0 || term.hasPrefix("\($0)-") }
            || term.hasSuffix("-sixel") || ["iTerm.app", "mintty"].contains(program)
        return drawsSixels ? .sixel : .none
    }

    /// What a terminal draws of a picture; nil where it cannot be read.
    func picture(at path: [UInt8]) -> String? {
        let side = self == .sixel ? min(Self.side, Self.rows * Self.cellHeight) : Self.side
        guard self != .none, let image = Self.image(at: path, side: side) else { return nil }
        return self == .sixel ? Sixel.encode(image) + "\n" : Self.kitty(image)
    }

    /// Pixels that a line is high, as the terminal says, which not all do.
    private static var cellHeight: Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0, size.ws_ypixel >= size.ws_row else {
            return 20
        }
        return max(4, Int(size.ws_ypixel / size.ws_row))
    }

    private static func image(at path: [UInt8], side: Int) -> PixelImage? {
        let file = (path + [0]).withUnsafeBytes {
            open($0.baseAddress!.assumingMemoryBound(to: CChar.self), O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        }
        guard file >= 0 else { return nil }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= maxFileBytes else {
            return nil
        }
        let bytes = [UInt8](unsafeUninitializedCapacity: Int(status.st_size)) { buffer, count in
            count = max(0, read(file, buffer.baseAddress, buffer.count))
        }
        guard case .image(let format)? = MediaType.sniff(bytes.span.bytes),
            let decoded = try? ImageDecoder.decode(bytes.span.bytes, format: format, target: { small($0, side) })
        else { return nil }
        return Resize.antialiased(decoded.image, to: small(decoded.originalSize, side), .bilinear, .pillow)
    }

    private static func small(_ size: ImageSize, _ side: Int) -> ImageSize {
        let longer = max(size.width, size.height, 1)
        guard longer > side else { return size }
        return ImageSize(width: max(1, size.width * side / longer), height: max(1, size.height * side / longer))
    }

    /// The graphics protocol of Kitty, which others speak, too (https://sw.kovidgoyal.net/kitty/graphics-protocol): pixels as they are, in pieces of at
    /// most 4,096 letters of Base64, ``rows`` lines high.
    private static func kitty(_ image: PixelImage) -> String {
        let letters = Array(Data(image.pixels).base64EncodedString().utf8)
        var text = ""
        for start in stride(from: 0, to: max(letters.count, 1), by: 4_096) {
            let end = min(letters.count, start + 4_096)
            let keys = start == 0 ? "a=T,q=2,f=24,s=\(image.width),v=\(image.height),r=\(rows)," : ""
            text +=
                "\u{1B}_G\(keys)m=\(end < letters.count ? 1 : 0);\(String(decoding: letters[start..<end], as: UTF8.self))\u{1B}\\"
        }
        return text + "\n"
    }
}
