import Castor
import FoundationEssentials
import Glibc

/// The library in a process of its own beside other programs (`make bench-peers`): commands as in tools/peers/worker.py.
struct TextTimes {
    private let embedder: Embedder
    private var contents: [Content] = []

    init(model: String, threads: Int) throws {
        var options = Embedder.Options()
        options.threads = threads
        embedder = try Embedder(modelPath: model, options: options)
    }

    mutating func serve() throws {
        say("{\"ready\": \"castor\"}")
        while let line = readLine() {
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            let rest = words.count > 1 ? words[1] : ""
            switch words.first {
            case "texts":
                let data = try Data(contentsOf: URL(fileURLWithPath: rest))
                contents = try data.split(separator: UInt8(ascii: "\n")).map { line in
                    Content(try JSONDecoder().decode([String].self, from: Data("[".utf8) + line + Data("]".utf8))[0])
                }
                say("{\"texts\": \(contents.count)}")
            case "time":
                let time = try Stopwatch.time {
                    for _ in 0..<(Int(rest) ?? 1) { _ = try vectors() }
                }
                say("{\"seconds\": \(time.seconds), \"processor\": \(time.processor)}")
            case "vectors":
                var bytes = Data()
                for row in try vectors() { row.withUnsafeBytes { bytes.append(contentsOf: $0) } }
                try bytes.write(to: URL(fileURLWithPath: rest))
                say("{\"texts\": \(contents.count)}")
            case "memory":
                var usage = rusage()
                getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
                say("{\"peak\": \(Double(usage.ru_maxrss) / 1_024)}")
            default: say("{}")
            }
        }
    }

    private func vectors() throws -> [[Float]] {
        try embedder.embed(contents).map { try $0.get().values }
    }

    private func say(_ line: String) {
        let bytes = Array("\(line)\n".utf8)
        _ = write(STDOUT_FILENO, bytes, bytes.count)
    }
}
