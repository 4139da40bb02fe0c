import FoundationEssentials
import Glibc

/// The confirmed steps, one a line. A line is one write(2) to the end of the file: a killed process leaves it whole or not at all.
package final class Log: Sendable {
    private let descriptor: Int32
    private let words: [[String]]

    package init(path: String) throws {
        let text = (try? Data(contentsOf: URL(filePath: path))).map { String(decoding: $0, as: UTF8.self) } ?? ""
        words = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw CocoaError(.fileWriteUnknown) }
    }

    deinit { close(descriptor) }

    func write(_ line: String) throws {
        let bytes = Array("\(line)\n".utf8)
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else { throw CocoaError(.fileWriteUnknown) }
    }

    // MARK: - What it said when it was opened

    /// Upload ids by number.
    package var uploads: [Int: String] { values("upload") }
    /// Job ids by number.
    package var batches: [Int: String] { values("batch") }
    package var final: Set<Int> { numbers("final") }
    package var deleting: Set<Int> { numbers("deleting") }
    package var deleted: Set<Int> { numbers("deleted") }
    package var finished: Set<Int> { numbers("done") }
    /// Bytes confirmed, by number.
    package var received: [Int: Int] { values("received").mapValues { Int($0) ?? 0 } }

    private func values(_ kind: String) -> [Int: String] {
        var values: [Int: String] = [:]
        for line in words where line.count == 3 && line[0] == kind { values[Int(line[1]) ?? -1] = line[2] }
        return values
    }

    private func numbers(_ kind: String) -> Set<Int> {
        Set(words.filter { $0.count == 2 && $0[0] == kind }.compactMap { Int($0[1]) })
    }
}
