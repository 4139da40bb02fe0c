import Castor
import Glibc

/// Contents to embed, and the floating point operations that their matrix products take.
struct Workload {
    let contents: [Content]
    let operations: Double

    private static let embedder: Embedder = {
        let variable = getenv("CASTOR_MODEL").map { String(cString: $0) }
        let path =
            variable ?? #filePath.split(separator: "/").dropLast(4).reduce("") { "\($0)/\($1)" }
            + "/weights/castor-small"
        do {
            return try Embedder(modelPath: path)
        } catch {
            fatalError("\(error)\nrun `make build` first, or name a model by CASTOR_MODEL")
        }
    }()

    func run() -> [Float] {
        var last: [Float] = []
        for result in Self.embedder.embed(contents) {
            guard case .success(let embedding) = result else { fatalError("\(result)") }
            last = embedding.values
        }
        return last
    }

    /// - Parameter tower: the blocks that the contents pass before the unified ones, by their name in `castor info`
    private init(_ contents: [Content], tower: String) {
        self.contents = contents
        let info = Self.embedder.info
        let (d, mlp) = (Double(info.width), Double(info.mlpWidth))
        operations = Self.embedder.embed(contents).reduce(0.0) { sum, result in
            guard case .success(let embedding) = result else { fatalError("\(result)") }
            let n = Double(embedding.tokenCount)
            let blocks = Double(info.blocks[tower]! + info.blocks["unified"]!)
            let block = 2 * n * (4 * d * d + 2 * d * mlp) + 4 * n * n * d
            return sum + blocks * block + 2 * d * Double(info.dimensions)
        }
    }

    /// Texts of short words, cut to an exact number of tokens by their count.
    static func texts(tokens: Int, count: Int) -> Workload {
        let words = ["time", "year", "day", "man", "thing", "life", "world", "hand", "part", "place", "case", "week"]
        return Workload(
            (0..<count).map { text in
                Content((1..<tokens).map { words[(7 * text + 5 * $0 + $0 * $0) % words.count] }.joined(separator: " "))
            }, tower: "text")
    }

    /// Uncompressed pictures: the time is the model's, and that of reading and resizing.
    static func images(count: Int) -> Workload {
        let (width, height) = (640, 480)
        var bytes: [UInt8] = [0x42, 0x4d]
        func append(_ values: (Int, Int)...) {
            for (value, size) in values { for byte in 0..<size { bytes.append(UInt8(value >> (8 * byte) & 255)) } }
        }
        append(
            (54 + 3 * width * height, 4), (0, 4), (54, 4), (40, 4), (width, 4), (height, 4), (1, 2), (24, 2), (0, 4),
            (0, 4), (2835, 4), (2835, 4), (0, 4), (0, 4))
        for y in 0..<height {
            for x in 0..<width { bytes += [UInt8(x * y % 251), UInt8(x / 3 % 256), UInt8(y / 2 % 256)] }
        }
        return Workload(Array(repeating: Content([.data(bytes, mimeType: "image/bmp")]), count: count), tower: "image")
    }

    /// 16 kHz mono, 16 bit.
    static func sounds(seconds: Int, count: Int) -> Workload {
        let samples = 16_000 * seconds
        var bytes: [UInt8] = Array("RIFF".utf8)
        func append(_ values: (Int, Int)...) {
            for (value, size) in values { for byte in 0..<size { bytes.append(UInt8(value >> (8 * byte) & 255)) } }
        }
        append((36 + 2 * samples, 4))
        bytes += Array("WAVEfmt ".utf8)
        append((16, 4), (1, 2), (1, 2), (16_000, 4), (32_000, 4), (2, 2), (16, 2))
        bytes += Array("data".utf8)
        append((2 * samples, 4))
        for sample in 0..<samples { append((Int(8_000 * sin(Double(sample) * 0.17)) & 0xffff, 2)) }
        return Workload(Array(repeating: Content([.data(bytes, mimeType: "audio/wav")]), count: count), tower: "audio")
    }
}
