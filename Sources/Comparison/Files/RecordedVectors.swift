import Castor
import CastorJSON
package import CastorNumerics
import Encoder
import Glibc

/// A file of vectors, a line each, as `castor embed --batch` and the hosted service's batch jobs write it:
/// `{"key": "r1", "response": {"embedding": {"values": [..]}, "usageMetadata": {..}}}`.
///
/// Rows that cannot be used are counted, and the first of each kind is named.
package struct RecordedVectors: Sendable {
    /// Why a row was left out.
    package enum Problem: String, Sendable, CaseIterable, Codable {
        case unreadable = "unreadable lines"
        case failed = "failed requests"
        case duplicateKey = "keys given twice"
        case wrongSize = "vectors of another size"
        case notFinite = "vectors with values that are not finite"
        case zero = "vectors of length 0"
    }

    package struct Count: Sendable, Equatable, Codable {
        package var problem: Problem
        package var count: Int
        /// Line, and key where it has one.
        package var first: String
    }

    package let path: String
    /// Of the usable rows, in the order of the file.
    package let keys: [String]
    /// `[keys, D]` as recorded, not divided by their length.
    package let vectors: Matrix
    /// Modality of each row as the service counted its tokens: `text`, `image`, `image+text`; nil where the file does not say.
    package let modalities: [String?]
    package let problems: [Count]

    package var dimensions: Int { vectors.columns }

    private struct Tally {
        private(set) var counts: [Problem: (count: Int, first: String)] = [:]

        mutating func note(_ problem: Problem, _ place: String) {
            counts[problem, default: (0, place)].count += 1
        }
    }

    package init(path: String) throws(ComparisonError) {
        let file: MappedFile
        do { file = try MappedFile(path: path) } catch {
            if case .notFound = error { throw .notFound(path: path) }
            throw .unreadable(path: path, reason: error.description)
        }
        self.path = path
        var tally = Tally()
        var sizes: [Int: Int] = [:]
        // Values in one growing buffer: an array a row would be a gigabyte of small pieces.
        var keys: [String] = []
        var lines: [Int] = []
        var rowSizes: [Int] = []
        var modalities: [String?] = []
        var values: [Float] = []
        var seen = Set<RecordKey>()
        var discarded = 0
        Self.forEachLine(file.bytes) { number, bytes in
            let start = values.count
            let end = file.bytes.baseAddress!.distance(to: bytes.baseAddress!) + bytes.count
            defer {
                if end - discarded > Self.keptBytes {
                    file.discard(upTo: end)
                    discarded = end
                }
            }
            do throws(JSONError) {
                let found = try Self.read(bytes, into: &values)
                let key = found.key ?? "\(number)"
                let place = "line \(number), key \"\(key)\""
                guard values.count > start else {
                    tally.note(.failed, place)
                    return
                }
                guard seen.insert(RecordKey(key)).inserted else {
                    values.removeLast(values.count - start)
                    tally.note(.duplicateKey, place)
                    return
                }
                sizes[values.count - start, default: 0] += 1
                keys.append(key)
                lines.append(number)
                rowSizes.append(values.count - start)
                if keys.count == 1 {
                    // Doubling would hold half as much again for nothing.
                    values.reserveCapacity(
                        Self.expectedValues(file.bytes, lineBytes: bytes.count, values: values.count))
                }
                modalities.append(found.modality)
            } catch {
                values.removeLast(values.count - start)
                tally.note(.unreadable, "line \(number): \(error.lineDescription)")
            }
        }
        withExtendedLifetime(file) {}
        let size = sizes.max { ($0.value, $0.key) < ($1.value, $1.key) }?.key ?? 0
        var kept: [(row: Int, offset: Int)] = []
        var offset = 0
        for row in keys.indices {
            defer { offset += rowSizes[row] }
            let place = "line \(lines[row]), key \"\(keys[row])\""
            let own = values[offset..<offset + rowSizes[row]]
            if rowSizes[row] != size {
                tally.note(.wrongSize, "\(place): \(rowSizes[row]) values, most have \(size)")
            } else if !own.allSatisfy(\.isFinite) {
                tally.note(.notFinite, place)
            } else if own.allSatisfy({ $0 == 0 }) {
                tally.note(.zero, place)
            } else {
                kept.append((row, offset))
            }
        }
        problems = Problem.allCases.compactMap { problem in
            tally.counts[problem].map { Count(problem: problem, count: $0.count, first: $0.first) }
        }
        guard !kept.isEmpty else {
            throw .noVectors(path: path, first: problems.first.map { "\($0.problem.rawValue): \($0.first)" })
        }
        self.keys = kept.map { keys[$0.row] }
        self.modalities = kept.map { modalities[$0.row] }
        vectors = Matrix(rows: kept.count, columns: size)
        values.withUnsafeBufferPointer { values in
            for (index, entry) in kept.enumerated() {
                vectors.row(index).update(from: values.baseAddress! + entry.offset, count: size)
            }
        }
    }

    /// Of a file that is read, at most so much stays in memory.
    private static let keptBytes = 64 << 20

    /// If all lines are like this one, and a tenth more. A value takes two bytes or more, so that no file asks for more than twice its size.
    private static func expectedValues(_ file: UnsafeRawBufferPointer, lineBytes: Int, values: Int) -> Int {
        min(file.count / 2, Int(Double(file.count) / Double(lineBytes + 1) * Double(values) * 1.1) + 1)
    }

    /// Lines that are not blank, counted from 1.
    package static func forEachLine(
        _ bytes: UnsafeRawBufferPointer, _ body: (_ number: Int, _ line: UnsafeRawBufferPointer) -> Void
    ) {
        var (offset, number) = (bytes.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0, 1)
        while offset < bytes.count {
            let found = memchr(bytes.baseAddress! + offset, 10, bytes.count - offset)
            let end = found.map { bytes.baseAddress!.distance(to: $0) } ?? bytes.count
            let line = UnsafeRawBufferPointer(rebasing: bytes[offset..<end])
            if !line.allSatisfy({ $0 == 32 || $0 == 9 || $0 == 13 }) { body(number, line) }
            (offset, number) = (end + 1, number + 1)
        }
    }

    /// A line of recorded vectors: of any length, and with values that are not finite.
    private static let options: JSONReader.Options = {
        var options = JSONReader.Options.strict
        options.maxValues = .max
        return options
    }()

    /// Appends the line's vector; nothing for a failed request.
    private static func read(
        _ bytes: UnsafeRawBufferPointer, into values: inout [Float]
    ) throws(JSONError) -> (key: String?, modality: String?) {
        var json = try JSONReader(bytes, options)
        var key: String?
        var names = Set<String>()
        try json.startObject()
        while let name = try json.nextField() {
            switch name {
            case "key": key = try json.recordKey()
            // Inline batch jobs carry the key here.
            case "metadata": if let found = try readKey(&json) { key = found }
            case "response":
                try json.startObject()
                while let name = try json.nextField() {
                    switch name {
                    case "embedding": try readEmbedding(&json, into: &values)
                    case "usage_metadata": try readModalities(&json, &names)
                    default: break
                    }
                }
            default: break
            }
        }
        try json.finish()
        return (key, names.isEmpty ? nil : names.sorted().joined(separator: "+"))
    }

    private static func readKey(_ json: inout JSONReader) throws(JSONError) -> String? {
        var key: String?
        guard try json.kind() == .object else {
            try json.skip()
            return nil
        }
        try json.startObject()
        while let name = try json.nextField() {
            if case "key" = name { key = try json.recordKey() }
        }
        return key
    }

    private static func readEmbedding(_ json: inout JSONReader, into values: inout [Float]) throws(JSONError) {
        try json.startObject()
        while let name = try json.nextField() {
            if case "values" = name { try json.appendFloats(to: &values) }
        }
    }

    private static func readModalities(_ json: inout JSONReader, _ names: inout Set<String>) throws(JSONError) {
        try json.startObject()
        while let name = try json.nextField() {
            switch name {
            case "prompt_token_details", "prompt_tokens_details":
                try json.startRepeated()
                while try json.nextItem() {
                    try json.startObject()
                    while let name = try json.nextField() {
                        if case "modality" = name { names.insert(try json.string().lowercased()) }
                    }
                }
            default: break
            }
        }
    }
}
