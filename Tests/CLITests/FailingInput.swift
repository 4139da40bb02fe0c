/// An input that must fail, and what the program says. docs/errors.md holds the same rows for readers.
struct FailingInput: Sendable, CustomStringConvertible {
    /// What is wrong, in a reader's words.
    let what: String
    /// As typed, without `castor`.
    let command: String
    let status: Int32
    /// Without `castor: ` and the line feed.
    let message: String
    /// Whether it runs without root's right to read everything.
    var unprivileged = false
    /// Whether `command` needs a shell's quotes or redirection.
    var viaShell = false
    /// Makes the files that the command names.
    var prepare: @Sendable (Workspace) throws -> Void = { _ in }

    var description: String { what }

    /// The row of docs/errors.md.
    var row: String { "| \(what) | `castor \(command)` | \(status) | `castor: \(message)` |" }

    static let all = media + texts + contents + models + comparisons + outputs

    private static let media: [FailingInput] = [
        .init(
            what: "truncated JPEG", command: "embed hello @cut.jpg", status: 65,
            message: "part 2 (cut.jpg): damaged jpeg file: Premature end of JPEG file"
        ) { try $0.write(Array(mediaBytes("scene.jpg").prefix(700)), "cut.jpg") },
        .init(
            what: "PNG whose header claims 60000 x 60000 pixels", command: "embed hello @huge.png", status: 65,
            message: "part 2 (huge.png): the image is 60000 x 60000 pixels; the limits are 16384 pixels a side "
                + "and 100000000 pixels in all"
        ) { try $0.write(Forged.hugePNG, "huge.png") },
        .init(
            what: "WAV whose header claims more sound than there is", command: "embed hello @lying.wav", status: 65,
            message: "part 2 (lying.wav): damaged wav file: the header claims 320000 bytes of audio, 3200 are present"
        ) { try $0.write(Forged.wav(bytes: 3_200, claimed: 320_000), "lying.wav") },
        .init(
            what: "181 seconds of sound", command: "embed hello @long.wav", status: 65,
            message: "part 2 (long.wav): the audio is at least 181 s long; the limit is 180 s"
        ) { try $0.write(Forged.wav(bytes: 181 * 32_000, claimed: 181 * 32_000), "long.wav") },
        .init(
            what: "text file named .png", command: "embed hello @notes.png", status: 65,
            message: "part 2 (notes.png): declared as image/png, but the bytes are of no known format"
        ) { try $0.write("This is no picture.\n", "notes.png") },
        .init(
            what: "video named .png", command: "embed hello @clip.png", status: 65,
            message: "part 2 (clip.png): declared as image/png, but the bytes are video/mp4"
        ) { try $0.write(mediaBytes("clip.mp4"), "clip.png") },
        .init(
            what: "file of no known format", command: "embed hello @data.bin", status: 65,
            message:
                "part 2 (data.bin): the bytes are of no known image, audio, video or document format, nor text in UTF-8"
        ) { try $0.write([0, 1, 2, 3, 4, 5, 6, 7], "data.bin") },
        .init(
            what: "damaged PDF", command: "embed hello @paper.pdf", status: 65,
            message: "part 2 (paper.pdf): damaged pdf file: PDF document is damaged"
        ) { try $0.write("%PDF-1.4\n", "paper.pdf") },
        .init(
            what: "PDF of 7 pages", command: "embed hello @long.pdf", status: 65,
            message: "part 2 (long.pdf): the document has 7 pages; the limit is 6"
        ) { try $0.write(Forged.pdf(pages: 7), "long.pdf") },
        .init(
            what: "encrypted PDF", command: "embed hello @secret.pdf", status: 65,
            message: "part 2 (secret.pdf): the document is encrypted: it needs a password"
        ) { try $0.write(Forged.encryptedPDF, "secret.pdf") },
        .init(
            what: "MP4 that was cut short", command: "embed hello @cut.mp4", status: 65,
            message: "part 2 (cut.mp4): damaged mp4 file: "
                + "the header claims 29945 bytes of media data, 19952 are present"
        ) { try $0.write(Array(mediaBytes("clip.mp4").prefix(20_000)), "cut.mp4") },
        .init(
            what: "MP4 whose tables claim twenty million frames", command: "embed hello @lying.mp4", status: 65,
            message: "part 2 (lying.mp4): damaged mp4 file: "
                + "its sample tables claim more samples than the file has bytes"
        ) { try $0.write(Forged.withSamples(mediaBytes("clip.mp4"), count: 20_000_000), "lying.mp4") },
        .init(
            what: "empty file", command: "embed hello @empty.png", status: 65,
            message: "part 2 (empty.png): the file is empty (0 bytes)"
        ) { try $0.write("", "empty.png") },
        .init(
            what: "folder", command: "embed hello @pictures", status: 65, message: "part 2: pictures: is a folder"
        ) { try $0.makeFolder("pictures") },
        .init(
            what: "missing file", command: "embed hello @missing.png", status: 66,
            message: "part 2: missing.png: no such file"),
        .init(
            what: "file without permission to read", command: "embed hello @locked.png", status: 65,
            message: "part 2: locked.png: Permission denied", unprivileged: true
        ) { try $0.write(mediaBytes("rgb.png"), "locked.png", mode: 0) },
        .init(
            what: "address on the web", command: "embed hello @https://example.org/a.png", status: 65,
            message: "part 2: the file https://example.org/a.png may not be opened here"),
    ]

    private static let texts: [FailingInput] = [
        .init(
            what: "text file that is not UTF-8", command: "embed hello @latin1.txt", status: 65,
            message: "part 2 (latin1.txt): the text is not valid UTF-8"
        ) { try $0.write(Array("caf".utf8) + [0xE9], "latin1.txt") },
        .init(
            what: "argument that is not UTF-8", command: "embed $'caf\\xe9'", status: 65,
            message: "argument 2 is not valid UTF-8", viaShell: true),
        .init(
            what: "empty text", command: "embed hello ''", status: 65, message: "part 2 is empty", viaShell: true),
    ]

    private static let contents: [FailingInput] = [
        .init(
            what: "7 images", command: "embed @a.png @a.png @a.png @a.png @a.png @a.png @a.png", status: 65,
            message: "the content has 7 images, the limit is 6"
        ) { try $0.write(mediaBytes("rgb.png"), "a.png") },
        .init(
            what: "2 videos", command: "embed @a.mp4 @a.mp4", status: 65,
            message: "the content has 2 videos, the limit is 1"
        ) { try $0.write(mediaBytes("clip.mp4"), "a.mp4") },
        .init(
            what: "101 sounds", command: "embed $(printf '@a.wav %.0s' {1..101})", status: 65,
            message: "the content has 101 sounds, the limit is 100", viaShell: true
        ) { try $0.write(Forged.wav(bytes: 3_200, claimed: 3_200), "a.wav") },
        .init(
            what: "two sounds of 100 seconds", command: "embed @a.wav @a.wav", status: 65,
            message: "the sounds of the content are at least 199 s long together, the limit is 180 s"
        ) { try $0.write(Forged.wav(bytes: 3_200_000, claimed: 3_200_000), "a.wav") },
        .init(
            what: "text longer than the context, not to be cut", command: "embed --no-truncate @long.txt", status: 65,
            message: "the content has more tokens than the context of 8192, and truncation is off"
        ) { try $0.write(String(repeating: "0 9 ", count: 5_000), "long.txt") },
        .init(
            what: "0 dimensions", command: "embed --dimensions 0 hello", status: 64,
            message: "--dimensions must be 1 or more, not 0"),
        .init(
            what: "3073 dimensions", command: "embed --dimensions 3073 hello", status: 65,
            message: "3073 dimensions are outside 1...3072"),
        .init(
            what: "missing batch file", command: "embed --batch missing.jsonl", status: 66,
            message: "missing.jsonl: No such file or directory"),
        .init(
            what: "folder as a batch file", command: "embed --batch folder", status: 65, message: "folder: is a folder"
        ) { try $0.makeFolder("folder") },
    ]

    private static let models: [FailingInput] = [
        .init(
            what: "missing model", command: "embed --model gone hello", status: 66,
            message: "gone/config.json: no such file"),
        .init(
            what: "model without weights", command: "embed --model model hello", status: 66,
            message: "model/model.safetensors: no such file"
        ) {
            try $0.copyModel()
            try $0.remove("model/model.safetensors")
        },
        .init(
            what: "configuration with width 0", command: "embed --model model hello", status: 65,
            message: "config.json: width: 0 is outside 8...16384"
        ) { try $0.copyModel(replacing: "\"width\": 32", by: "\"width\": 0") },
        .init(
            what: "NaN in the weights", command: "embed --model model hello", status: 65,
            message: "tensor projection.weight: holds a value that is not finite"
        ) {
            try $0.copyModel()
            try $0.write(
                Forged.withNaN(try $0.bytes("model/model.safetensors"), in: "projection.weight"),
                "model/model.safetensors")
        },
        .init(
            what: "safetensors header of 2^60 bytes", command: "embed --model model hello", status: 65,
            message: "model/model.safetensors: not a usable safetensors file: "
                + "header size 1152921504606846976 is above the limit of 16777216 bytes"
        ) {
            try $0.copyModel()
            try $0.write(
                [0, 0, 0, 0, 0, 0, 0, 0x10] + (try $0.bytes("model/model.safetensors")), "model/model.safetensors")
        },
        .init(
            what: "weights that were cut short", command: "embed --model model hello", status: 65,
            message: "model/model.safetensors: not a usable safetensors file: "
                + "header size 4048 goes beyond the end of the file (1000 bytes)"
        ) {
            try $0.copyModel()
            try $0.write(Array(try $0.bytes("model/model.safetensors").prefix(1_000)), "model/model.safetensors")
        },
    ]

    private static let comparisons: [FailingInput] = [
        .init(
            what: "file of vectors that is not there", command: "compare a.jsonl gone.jsonl", status: 66,
            message: "gone.jsonl: no such file"
        ) { try $0.write(vectors("abcdef"), "a.jsonl") },
        .init(
            what: "no key in common", command: "compare a.jsonl other.jsonl", status: 65,
            message: "a.jsonl and other.jsonl have 0 usable keys in common, at least 4 are needed"
        ) {
            try $0.write(vectors("abcdef"), "a.jsonl")
            try $0.write(vectors("uvwxyz"), "other.jsonl")
        },
        .init(
            what: "one key on every line", command: "compare a.jsonl twice.jsonl", status: 65,
            message: "a.jsonl and twice.jsonl have 1 usable key in common, at least 4 are needed"
        ) {
            try $0.write(vectors("abcdef"), "a.jsonl")
            try $0.write(vectors("aaaaaa"), "twice.jsonl")
        },
        .init(
            what: "NaN in every vector", command: "compare a.jsonl nan.jsonl", status: 65,
            message: "nan.jsonl holds no vector; vectors with values that are not finite: line 1, key \"a\""
        ) {
            try $0.write(vectors("abcdef"), "a.jsonl")
            try $0.write(vectors("abcdef", first: "NaN"), "nan.jsonl")
        },
        .init(
            what: "a file's only line, cut short", command: "compare a.jsonl cut.jsonl", status: 65,
            message: "cut.jsonl holds no vector; unreadable lines: line 1: column 50: a comma or ] is expected here"
        ) {
            try $0.write(vectors("abcdef"), "a.jsonl")
            try $0.write(String(vectors("a").prefix(49)), "cut.jsonl")
        },
        .init(
            what: "size that the files do not have", command: "compare --dimensions 4 a.jsonl a.jsonl", status: 64,
            message: "4 dimensions are outside 1...3"
        ) { try $0.write(vectors("abcdef"), "a.jsonl") },
        .init(
            what: "file of judgments that is none", command: "compare a.jsonl a.jsonl --qrels a.jsonl", status: 65,
            message: "a.jsonl line 1: has 1 fields, 3 are needed"
        ) { try $0.write(vectors("abcdef"), "a.jsonl") },
        .init(
            what: "map of nothing in common", command: "map fit a.jsonl other.jsonl --output map", status: 65,
            message: "other.jsonl and a.jsonl have 0 usable keys in common, at least 4 are needed"
        ) {
            try $0.write(vectors("abcdef"), "a.jsonl")
            try $0.write(vectors("uvwxyz"), "other.jsonl")
        },
        .init(
            what: "map that is none", command: "map apply a.jsonl a.jsonl", status: 65,
            message: "a.jsonl: not a usable map: not a usable safetensors file: "
                + "header size 2466321650726675067 is above the limit of 16777216 bytes"
        ) { try $0.write(vectors("abcdef"), "a.jsonl") },
        .init(
            what: "output that is an input", command: "map fit a.jsonl b.jsonl --output b.jsonl", status: 64,
            message: "b.jsonl is both the input and the output"
        ) {
            try $0.write(vectors("abcdef"), "a.jsonl")
            try $0.write(vectors("abcdef"), "b.jsonl")
        },
        .init(
            what: "judgment given twice", command: "compare a.jsonl a.jsonl --qrels twice.tsv", status: 65,
            message: "twice.tsv line 3: judges a and b again"
        ) {
            try $0.write(vectors("abcdef"), "a.jsonl")
            try $0.write("q\td\tscore\na\tb\t1\na\tb\t1\n", "twice.tsv")
        },
        .init(
            what: "map into a folder that does not exist", command: "map fit a.jsonl a.jsonl --output nowhere/map",
            status: 73, message: "nowhere/map: cannot be written: No such file or directory"
        ) { try $0.write(vectors("abcdef"), "a.jsonl") },
    ]

    /// A line a key, of three values.
    private static func vectors(_ keys: String, first: String = "1") -> String {
        keys.enumerated().map {
            "{\"key\":\"\($1)\",\"response\":{\"embedding\":{\"values\":[\(first),\($0),\(2 - $0)]}}}\n"
        }.joined()
    }

    private static let outputs: [FailingInput] = [
        .init(
            what: "full disk", command: "embed --output /dev/full hello", status: 73,
            message: "/dev/full: cannot write: No space left on device"),
        .init(
            what: "full disk, in a batch", command: "embed --batch in.jsonl --output /dev/full", status: 73,
            message: "/dev/full: cannot write: No space left on device"
        ) { try $0.write(BatchTests.line(key: "k", "x"), "in.jsonl") },
        .init(
            what: "full disk behind standard output", command: "embed hello >/dev/full", status: 73,
            message: "cannot write: No space left on device", viaShell: true),
        .init(
            what: "output in a folder that does not exist", command: "embed --output nowhere/a.json hello",
            status: 73, message: "nowhere/a.json: cannot be written: No such file or directory"),
        .init(
            what: "output in a folder without permission to write", command: "embed --output locked/a.json hello",
            status: 73, message: "locked/a.json: cannot be written: Permission denied", unprivileged: true
        ) { try $0.makeFolder("locked", mode: 0o555) },
        .init(
            what: "folder as output", command: "embed --output folder hello", status: 73,
            message: "folder: is a folder"
        ) { try $0.makeFolder("folder") },
    ]

    private static func mediaBytes(_ name: String) throws -> [UInt8] {
        try Workspace.bytes(at: "\(CastorProgram.fixtures)/media/\(name)")
    }
}
