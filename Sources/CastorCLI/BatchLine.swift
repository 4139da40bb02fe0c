import Castor
import Glibc
import Hashing

/// A line of a batch file, read.
struct BatchLine {
    /// The line's own, else its number.
    let key: String
    let request: Result<EmbedRequest, BatchProblem>

    /// nil for a blank line.
    init?(_ line: LineReader.Line, number: Int) {
        switch line {
        case .tooLong(let limit):
            key = "\(number)"
            request = .failure(.invalid("line \(number) is longer than \(limit) bytes"))
        case .text(let bytes):
            if Self.isBlank(bytes, isFirst: number == 1) { return nil }
            guard String(validating: bytes, as: UTF8.self) != nil else {
                key = "\(number)"
                request = .failure(.invalid("line \(number) is not valid UTF-8"))
                return
            }
            do throws(WireError) {
                let line = try BatchRequest(json: bytes)
                key = line.key ?? "\(number)"
                request = .success(line.request)
            } catch {
                key = BatchRequest.labels(ofDamaged: bytes).key ?? "\(number)"
                request = .failure(
                    .invalid(
                        "line \(number): \(error.description)\(BatchRequest.hint(ofDamaged: bytes))"))
            }
        }
    }

    private static func isBlank(_ bytes: [UInt8], isFirst: Bool) -> Bool {
        let bytes = isFirst && bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes[3...] : bytes[...]
        return bytes.allSatisfy { $0 == 32 || $0 == 9 || $0 == 13 }
    }

    var fileCount: Int {
        guard case .success(let request) = request else { return 0 }
        return (request.content?.parts ?? []).count { if case .file = $0.media { true } else { false } }
    }

    /// Equal for equal requests, files included as far as their size and time of change tell: what a result is known by when the
    /// same command is given again. nil for a line without a request.
    ///
    /// - Parameter options: what the command's own options came to; with them it begins
    func identity(in folder: String, options: RequestHash.Options) -> String? {
        guard case .success(let request) = request else { return nil }
        var hash = RequestHash(folder: folder)
        hash.add(
            "\(request.dimensions ?? 0) \(request.task?.rawValue ?? "") "
                + [request.autoTruncate, request.audioTrackExtraction, request.documentOCR].map { flag in
                    flag.map { $0 ? "1" : "0" } ?? "-"
                }.joined())
        hash.add(request.title ?? "")
        for part in request.content?.parts ?? [] { hash.add(part) }
        return options.text + hash.text
    }
}

/// What one line's result says instead of a vector.
struct BatchProblem: Error {
    let code: Int
    let status: String
    let message: String
    /// Whether to try once more is not worth what it costs.
    var isGivenUp = false

    static func invalid(_ message: String) -> BatchProblem {
        BatchProblem(code: 400, status: "INVALID_ARGUMENT", message: message)
    }

    static var deadly: BatchProblem {
        var problem = BatchProblem(
            code: 500, status: "INTERNAL",
            message: "given up: castor ended each time it embedded this content, and two times it was alone")
        problem.isGivenUp = true
        return problem
    }

    init(code: Int, status: String, message: String) {
        self.code = code
        self.status = status
        self.message = message
    }

    init(_ error: EmbedError) {
        let (code, status) = error.serviceStatus
        self.init(code: code, status: status, message: error.description)
    }
}

/// The first eight bytes of a SHA-256, in hexadecimal.
struct RequestHash {
    /// What the options of a command came to, in the first four bytes of one: results of others must not be mixed with them.
    struct Options {
        let text: String

        /// - Parameter precision: in which the model computes
        init(_ options: EmbedOptions, applyTaskPrompts: Bool, precision: String) {
            var hash = RequestHash(folder: "")
            hash.add(
                "\(options.dimensions ?? 0) \(options.task?.rawValue ?? "") \(options.maxTokens ?? 0) "
                    + [
                        options.autoTruncate, options.audioTrackExtraction, options.documentOCR, applyTaskPrompts,
                    ].map { $0 ? "1" : "0" }.joined())
            hash.add(options.title ?? "")
            // Nothing is added for what earlier versions knew alone.
            if precision != Embedder.Precision.single.rawValue { hash.add(precision) }
            text = String(hash.text.prefix(8))
        }
    }

    let folder: String
    private var hash = SHA256()

    init(folder: String) {
        self.folder = folder
    }

    var text: String {
        hash.digest().prefix(8).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }

    /// With its length before it, so that no two lists of fields are the same bytes.
    mutating func add(_ bytes: [UInt8]) {
        withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { hash.update($0) }
        hash.update(bytes)
    }

    mutating func add(_ text: String) { add(Array(text.utf8)) }

    mutating func add(_ part: Part) {
        switch part {
        case .text(let text):
            add("text")
            add(text)
        case .data(let bytes, let mimeType):
            add("data \(mimeType ?? "")")
            add(bytes.array)
        case .file(let path, let mimeType):
            add("file \(mimeType ?? "")")
            add(path)
            var status = stat()
            let isThere = stat(path.hasPrefix("/") ? path : "\(folder)/\(path)", &status) == 0
            add(isThere ? "\(status.st_size) \(status.st_mtim.tv_sec) \(status.st_mtim.tv_nsec)" : "")
        case .clip(let video, let metadata):
            add("clip \(metadata)")
            add(video)
        }
    }
}
