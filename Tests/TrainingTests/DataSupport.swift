import Castor
import CastorNumerics
import Encoder
import FoundationEssentials
import TestSupport
import Testing
import Training

/// Files that the tests of the data sets read.
enum Made {
    /// An uncompressed picture whose colors follow from the seed.
    static func picture(width: Int = 40, height: Int = 24, seed: UInt64) -> [UInt8] {
        var random = SeededGenerator(seed: seed)
        let stride = (3 * width + 3) & ~3
        var bytes = Array("BM".utf8) + little(UInt32(54 + stride * height)) + little(UInt32(0)) + little(UInt32(54))
        bytes += little(UInt32(40)) + little(Int32(width)) + little(Int32(height)) + little(UInt16(1))
        bytes += little(UInt16(24)) + [UInt8](repeating: 0, count: 24)
        let base = (0..<3).map { _ in random.next(below: 200) }
        for y in 0..<height {
            var line: [UInt8] = []
            for x in 0..<width { for c in 0..<3 { line.append(UInt8((base[c] + (x * (c + 1) + y) % 56) & 255)) } }
            bytes += line + [UInt8](repeating: 0, count: stride - line.count)
        }
        return bytes
    }

    /// 16-bit mono at 16 kHz.
    static func sound(samples count: Int = 8_000, seed: UInt64) -> [UInt8] {
        var random = SeededGenerator(seed: seed)
        return wave((0..<count).map { _ in Int16(random.next(below: 20_000) - 10_000) })
    }

    /// 16-bit mono at 16 kHz.
    static func wave(_ samples: [Int16]) -> [UInt8] {
        let data = samples.flatMap { little($0) }
        var bytes = Array("RIFF".utf8) + little(UInt32(36 + data.count)) + Array("WAVEfmt ".utf8) + little(UInt32(16))
        bytes += little(UInt16(1)) + little(UInt16(1)) + little(UInt32(16_000)) + little(UInt32(32_000))
        bytes += little(UInt16(2)) + little(UInt16(16)) + Array("data".utf8) + little(UInt32(data.count)) + data
        return bytes
    }

    static func numpy(type: String = "<f4", shape: String, order: String = "False", _ payload: [UInt8]) -> [UInt8] {
        var header = "{'descr': '\(type)', 'fortran_order': \(order), 'shape': \(shape), }"
        while (10 + header.utf8.count + 1) % 64 != 0 { header += " " }
        header += "\n"
        return [0x93] + Array("NUMPY".utf8) + [1, 0] + little(UInt16(header.utf8.count)) + Array(header.utf8) + payload
    }

    static func floats(_ values: [Float]) -> [UInt8] { values.flatMap { little($0.bitPattern) } }

    static func little<Number: FixedWidthInteger>(_ value: Number) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
}

/// A folder of files for one test.
struct DataFolder {
    let path: String

    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let full = "\(path)/\(name)"
        let parent = String(full[..<full.lastIndex(of: "/")!])
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        try Folders.write(bytes, full)
        return full
    }

    @discardableResult
    func write(_ name: String, _ text: String) throws -> String { try write(name, Array(text.utf8)) }

    @discardableResult
    static func with<Result>(_ body: (DataFolder) throws -> Result) throws -> Result {
        try Folders.withTemporary { try body(DataFolder(path: $0)) }
    }

    func open(
        _ name: String, _ format: DataSource.Format, _ change: (inout DataSource) -> Void = { _ in }
    ) throws -> DataSet {
        var source = DataSource(path: name.isEmpty ? path : "\(path)/\(name)", format: format)
        change(&source)
        return try DataSet(source, imageTokens: 64, pool: WorkerPool(threads: 2))
    }

    /// A TSV of that many pairs of texts, of various lengths.
    func pairs(_ count: Int, name: String = "pairs.tsv") throws -> String {
        let words = ["red", "house", "by", "the", "sea", "a", "grey", "cat", "sleeps", "under", "every", "tree"]
        var random = SeededGenerator(seed: UInt64(count))
        let lines = (0..<count).map { row in
            let text = (0..<1 + random.next(below: 20)).map { _ in words[random.next(below: words.count)] }
            return "query \(row) \(text.joined(separator: " "))\tanswer \(row)\n"
        }
        return try write(name, lines.joined())
    }
}

extension DataSet {
    /// Texts of all samples: query, positive.
    var texts: [[String]] {
        get throws {
            try rows.indices.map { row in
                let sample = try sample(row)
                return [sample.query.text] + (sample.positive.map { [$0.text] } ?? [])
            }
        }
    }
}

extension Content {
    /// Its parts, as a test writes them down.
    var text: String {
        parts.map { part in
            switch part {
            case .text(let text): text
            case .data(let bytes, _): "<\(bytes.count)>"
            case .file(let path, _): "@\(path)"
            case .clip: "<clip>"
            }
        }.joined(separator: "|")
    }
}

extension Nano {
    /// What its decoded media depend on.
    static func identity() throws -> FrontEndIdentity { try FrontEndIdentity(modelFolder: Folders.nano) }

    static func preparation() throws -> Preparation {
        let configuration = try Model.configuration(path: Folders.nano)
        return Preparation(
            configuration: configuration, tokenizer: try Tokenizer(path: "\(Folders.nano)/\(Model.tokenizerName)"),
            logMel: LogMel(configuration.audio), limits: Limits())
    }
}

extension EncoderInput {
    /// Every bit of it.
    var bits: [UInt32] {
        segments.flatMap { segment -> [UInt32] in
            switch segment {
            case .text(let ids): [0, UInt32(ids.count)] + ids.map { UInt32(bitPattern: $0) }
            case .image(let patches, let grid):
                [1, UInt32(grid.rows), UInt32(grid.columns)] + (grid.kept ?? []).map { UInt32($0) }
                    + patches.values.map(\.bitPattern)
            case .audio(let patches): [2, UInt32(patches.rows)] + patches.values.map(\.bitPattern)
            case .video(let frames, let times):
                [3, UInt32(frames.grid.rows), UInt32(frames.grid.columns)] + times.map { Float($0).bitPattern }
                    + frames.patches.values.map(\.bitPattern)
            case .page(let picture):
                [4, UInt32(picture.grid.rows), UInt32(picture.grid.columns)] + picture.patches.values.map(\.bitPattern)
            case .pageText(let ids): [5, UInt32(ids.count)] + ids.map { UInt32(bitPattern: $0) }
            case .picture(let picture):
                [6, UInt32(picture.rows), UInt32(picture.columns)] + picture.patches.values.map(\.bitPattern)
            case .sound(let sound): [7, UInt32(sound.tokenCount)] + sound.mel.values.map(\.bitPattern)
            }
        }
    }
}

extension PairBatch {
    var bits: [[UInt32]] {
        contents.map(\.bits) + [queryTeachers, positiveTeachers].map { $0?.values.map(\.bitPattern) ?? [] }
    }
}
