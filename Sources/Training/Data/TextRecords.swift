import Encoder
import Glibc

/// A line or CSV record of a mapped file: its bytes without the line end, and its first line, counted from 1.
struct TextRecord: Sendable {
    var offset: Int
    var length: Int
    var line: Int
    var lineCount = 1

    /// Lines of a longer text in a table, at most; more is odd.
    static let usualLines = 50

    /// Of a record of three lines and more: how many, and a question.
    var span: (count: Int, words: String)? {
        guard lineCount > 2 else { return nil }
        return (
            lineCount, "a quoted field of \(lineCount) lines, \(line) to \(line + lineCount - 1): is a quote unclosed?"
        )
    }
}

/// A text file, mapped, and where its records are. Blank lines are no records; a byte order mark and all kinds of line ends are
/// read over: a file without any line feed is divided at carriage returns, as old Macs and some spreadsheets write it.
struct TextRecords: Sendable {
    let path: String
    let file: MappedFile
    let records: [TextRecord]
    /// What divides fields that may be quoted: a comma, or a semicolon, as spreadsheets write them where the comma is the decimal sign.
    let separator: UInt8

    init(path: String, quoted: Bool) throws(DataError) {
        self.path = path
        do { file = try MappedFile(path: path) } catch { throw DataError(error) }
        let bytes = file.bytes
        if let compression = Compression(bytes) {
            throw .format(place: DataPlace(path: path), reason: compression.advice(path))
        }
        let start = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
        if start == 0, bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) {
            throw .format(place: DataPlace(path: path), reason: "is UTF-16; only UTF-8 is read")
        }
        if let place = bytes.prefix(Self.lookedAt).firstIndex(of: 0) {
            throw .format(
                place: DataPlace(path: path),
                reason:
                    "byte \(place + 1) is 0, which no text has: it is UTF-16 without its mark, or no text; only UTF-8 is read"
            )
        }
        let lineEnd = Self.lineEnd(bytes)
        separator = quoted ? CSVSeparator.of(bytes, from: start, lineEnd) : CSVSeparator.comma
        records =
            quoted
            ? try Self.quotedRecords(bytes, from: start, lineEnd, separator, path: path)
            : Self.lines(bytes, from: start, lineEnd)
    }

    /// Bytes from the start that show whether it is a text.
    private static let lookedAt = 4_096

    func bytes(_ record: TextRecord) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: file.bytes[record.offset..<record.offset + record.length])
    }

    private static func lineEnd(_ bytes: UnsafeRawBufferPointer) -> UInt8 {
        guard let base = bytes.baseAddress, memchr(base, 10, bytes.count) == nil else { return 10 }
        return memchr(base, 13, bytes.count) == nil ? 10 : 13
    }

    private static func lines(_ bytes: UnsafeRawBufferPointer, from start: Int, _ lineEnd: UInt8) -> [TextRecord] {
        var records: [TextRecord] = []
        var (offset, line) = (start, 1)
        while offset < bytes.count {
            let rest = bytes.count - offset
            let end =
                memchr(bytes.baseAddress! + offset, Int32(lineEnd), rest).map { bytes.baseAddress!.distance(to: $0) }
                ?? bytes.count
            append(bytes, offset..<end, line, line, to: &records)
            (offset, line) = (end + 1, line + 1)
        }
        return records
    }

    private static func quotedRecords(
        _ bytes: UnsafeRawBufferPointer, from start: Int, _ lineEnd: UInt8, _ separator: UInt8, path: String
    ) throws(DataError) -> [TextRecord] {
        var records: [TextRecord] = []
        var (recordStart, recordLine, line) = (start, 1, 1)
        // Whether a quote here opens a field: only as its first byte.
        var fieldStarts = true
        var openedAt: Int?
        var closed = -1
        for offset in start..<max(start, bytes.count) {
            let byte = bytes[offset]
            if openedAt != nil {
                // A doubled quote closes and opens again.
                if byte == UInt8(ascii: "\"") { (openedAt, closed) = (nil, offset) }
                if byte == lineEnd { line += 1 }
                continue
            }
            switch byte {
            case UInt8(ascii: "\"") where fieldStarts || closed == offset - 1: openedAt = line
            case separator:
                fieldStarts = true
                continue
            case lineEnd:
                append(bytes, recordStart..<offset, recordLine, line, to: &records)
                line += 1
                (recordStart, recordLine, fieldStarts) = (offset + 1, line, true)
                continue
            default: break
            }
            fieldStarts = false
        }
        if let openedAt {
            throw .format(place: DataPlace(path: path, line: openedAt), reason: "a quote opens here and never closes")
        }
        append(bytes, recordStart..<max(recordStart, bytes.count), recordLine, line, to: &records)
        return records
    }

    private static func append(
        _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ line: Int, _ lastLine: Int,
        to records: inout [TextRecord]
    ) {
        var end = range.upperBound
        if end > range.lowerBound, bytes[end - 1] == 13 { end -= 1 }
        let isBlank = bytes[range.lowerBound..<end].allSatisfy { $0 == 32 || $0 == 9 }
        guard !isBlank else { return }
        records.append(
            TextRecord(
                offset: range.lowerBound, length: end - range.lowerBound, line: line, lineCount: lastLine - line + 1))
    }
}

/// The fields of a record.
enum FieldSplitter {
    /// Divided at tabs, nothing quoted.
    static func tabs(_ bytes: UnsafeRawBufferPointer) throws(Unreadable) -> [String] {
        var fields: [String] = []
        for field in bytes.split(separator: 9, omittingEmptySubsequences: false) {
            fields.append(try text(field))
        }
        return fields
    }

    /// Divided at commas or semicolons; a field in quotes may hold them, line ends, and quotes written twice.
    static func quoted(_ bytes: UnsafeRawBufferPointer, _ separator: UInt8) throws(Unreadable) -> [String] {
        var fields: [String] = []
        var field: [UInt8] = []
        var (index, isQuoted) = (0, false)
        while index < bytes.count {
            let byte = bytes[index]
            if isQuoted {
                if byte == UInt8(ascii: "\"") {
                    if index + 1 < bytes.count, bytes[index + 1] == byte {
                        field.append(byte)
                        index += 1
                    } else {
                        isQuoted = false
                        let next = index + 1
                        guard next == bytes.count || bytes[next] == separator else {
                            let name = separator == CSVSeparator.comma ? "comma" : "semicolon"
                            throw Unreadable("there is text between a closing quote and the next \(name)")
                        }
                    }
                } else {
                    field.append(byte)
                }
            } else if byte == separator {
                fields.append(try text(field))
                field = []
            } else if byte == UInt8(ascii: "\""), field.isEmpty {
                isQuoted = true
            } else {
                field.append(byte)
            }
            index += 1
        }
        fields.append(try text(field))
        return fields
    }

    static func text(_ bytes: some Collection<UInt8>) throws(Unreadable) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Unreadable("is not valid UTF-8") }
        return text
    }
}

/// Why a record is no sample.
struct Unreadable: Error {
    let reason: String

    init(_ reason: String) {
        self.reason = reason
    }
}

extension DataError {
    init(_ error: ModelError) {
        self =
            switch error {
            case .notFound(let path): .notFound(path: path)
            case .unreadable(let path, let reason): .unreadable(path: path, reason: reason)
            default: .unreadable(path: "", reason: error.description)
            }
    }
}
