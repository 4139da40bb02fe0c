import Media
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// Files made by tools/reference/make_media_tests.py, read relative to this source file.
enum Fixture {
    private static let folder = String(#filePath.dropLast("Support.swift".count)) + "Fixtures/"

    static func bytes(_ name: String) throws -> [UInt8] {
        guard let file = fopen(folder + name, "rb") else { throw Missing(name: name) }
        defer { fclose(file) }
        fseek(file, 0, SEEK_END)
        let count = ftell(file)
        rewind(file)
        var bytes = [UInt8](repeating: 0, count: count)
        guard fread(&bytes, 1, count, file) == count else { throw Missing(name: name) }
        return bytes
    }

    /// The pixels that Pillow makes of an image fixture.
    static func pixels(_ name: String) throws -> PixelImage {
        let bytes = try bytes(name + ".rgb")
        let sides = bytes.withUnsafeBytes { bytes in
            (0..<2).map { Int(bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)) }
        }
        return PixelImage(size: ImageSize(width: sides[0], height: sides[1]), pixels: Array(bytes[8...]))
    }

    static func floats(_ name: String) throws -> [Float] {
        try bytes(name + ".f32").withUnsafeBytes { bytes in
            (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        }
    }

    /// What the name says that the file is.
    static func type(_ name: String) throws -> MediaType {
        let suffix = name.split(separator: ".").last.map(String.init) ?? ""
        return try #require(MediaType(fileExtension: suffix))
    }

    struct Missing: Error {
        let name: String
    }
}

/// Bytes in a file, of which the kernel tells how much was read.
final class MappedFile {
    let bytes: UnsafeRawBufferPointer

    init(_ contents: [UInt8]) throws {
        guard let file = tmpfile() else { throw Fixture.Missing(name: "a temporary file") }
        defer { fclose(file) }
        guard fwrite(contents, 1, contents.count, file) == contents.count, fflush(file) == 0 else {
            throw Fixture.Missing(name: "what was written to a temporary file")
        }
        guard let start = mmap(nil, contents.count, PROT_READ, MAP_PRIVATE, fileno(file), 0), start != MAP_FAILED else {
            throw Fixture.Missing(name: "a mapping")
        }
        bytes = UnsafeRawBufferPointer(start: start, count: contents.count)
    }

    deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }

    /// Of the pages that were read, and those around them that the kernel gives along.
    var touchedBytes: Int {
        guard let file = fopen("/proc/self/smaps", "r") else { return .max }
        defer { fclose(file) }
        let start = String(UInt(bitPattern: bytes.baseAddress), radix: 16)
        var line = [CChar](repeating: 0, count: 1_024)
        var isOurs = false
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if text.hasPrefix("\(start)-") { isOurs = true }
            guard isOurs, text.hasPrefix("Rss:") else { continue }
            return text.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 << 10 } ?? .max
        }
        return .max
    }
}

/// How far a result may be from a reference, and why that far.
struct Tolerance {
    var largest: Float
    var mean: Float

    /// The same integers.
    static let exact = Tolerance(largest: 0, mean: 0)
    /// Debian 12's libjpeg-turbo and libwebp give Pillow's bits; other versions may round another way (0...255).
    static let lossyPixels = Tolerance(largest: 1, mean: 0.1)
    /// HEVC and AV1 are exact, but the conversion from YUV and the enlarging of chroma planes are each library's own (0...255).
    static let convertedPixels = Tolerance(largest: 3, mean: 1)
    /// Sums of up to some thousand products in f32 against f64 (0...255).
    static let resized = Tolerance(largest: 2e-4, mean: 5e-5)
    /// Pillow rounds twice to 8 bits (0...255).
    static let resized8Bit = Tolerance(largest: 2, mean: 1)
    /// Resampling with the same filter, other block sizes (-1...1).
    static let resampled = Tolerance(largest: 1e-6, mean: 1e-7)
}

/// Compares element by element and reports the largest difference, where it is, and both values.
func expectClose(
    _ actual: [Float], _ expected: [Float], _ tolerance: Tolerance, _ what: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    guard actual.count == expected.count else {
        Issue.record("\(what): \(actual.count) values, \(expected.count) expected", sourceLocation: sourceLocation)
        return
    }
    var worst = 0
    var sum = 0.0
    for i in actual.indices {
        let difference = abs(actual[i] - expected[i])
        sum += Double(difference)
        // Written so that NaN is the worst of all.
        if !(difference <= abs(actual[worst] - expected[worst])) { worst = i }
    }
    guard !actual.isEmpty else { return }
    let largest = abs(actual[worst] - expected[worst])
    let mean = Float(sum / Double(actual.count))
    #expect(
        largest <= tolerance.largest && mean <= tolerance.mean,
        """
        \(what): largest difference \(largest) (limit \(tolerance.largest)) at \(worst): \(actual[worst]), \
        expected \(expected[worst]); mean difference \(mean) (limit \(tolerance.mean))
        """,
        sourceLocation: sourceLocation)
}

func expectClose(
    _ actual: PixelImage, _ expected: PixelImage, _ tolerance: Tolerance, _ what: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(actual.size == expected.size, "\(what)", sourceLocation: sourceLocation)
    expectClose(
        actual.pixels.map(Float.init), expected.pixels.map(Float.init), tolerance, what,
        sourceLocation: sourceLocation)
}

extension ImageDecoder {
    static func decode(_ bytes: [UInt8], _ format: ImageFormat, limits: MediaLimits = MediaLimits()) throws
        -> PixelImage
    {
        try decode(bytes.span.bytes, format: format, limits: limits).image
    }

    /// With its notes.
    static func wholeResult(_ bytes: [UInt8], _ format: ImageFormat) throws -> DecodedImage {
        try decode(bytes.span.bytes, format: format)
    }
}

extension AudioDecoder {
    static func decode(_ bytes: [UInt8], _ format: AudioFormat, limits: MediaLimits = MediaLimits()) throws -> AudioClip
    {
        try decode(bytes.span.bytes, format: format, limits: limits)
    }
}

extension VideoDecoder {
    static func decode(
        _ bytes: [UInt8], _ format: VideoFormat, _ selection: VideoSelection = VideoSelection(), most: Int = 32,
        sound: Bool = false, limits: MediaLimits = MediaLimits(), target: ImageSize = ImageSize(width: 32, height: 24)
    ) throws -> DecodedVideo {
        try decode(
            bytes.span.bytes, format: format, selection: selection, maxFrames: most, wantsSound: sound, limits: limits
        ) { _ in target }
    }
}

extension Fixture {
    static func videoFormat(_ bytes: [UInt8]) throws -> VideoFormat {
        guard case .video(let format)? = MediaType.sniff(bytes) else { throw Missing(name: "video") }
        return format
    }
}

extension MediaType {
    static func sniff(_ bytes: [UInt8]) -> MediaType? { sniff(bytes.span.bytes) }
}

/// Bytes of a number, lowest first or highest first.
func littleEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

func bigEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
}
