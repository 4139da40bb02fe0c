/// What a worker says that makes no sense: it may have been taken over by a file.
struct WorkerLie: Error {}

/// A message in the making.
struct MessageWriter {
    private(set) var bytes: [UInt8] = []

    /// Longer texts are cut: a message has a bound.
    static let maxTextBytes = 1_000

    mutating func append(_ value: UInt8) {
        bytes.append(value)
    }

    mutating func append(_ value: Int) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func append(_ value: Double) {
        append(Int(bitPattern: UInt(value.bitPattern)))
    }

    mutating func append(_ value: Double?) {
        append(UInt8(value == nil ? 0 : 1))
        append(value ?? 0)
    }

    mutating func append(_ value: String) {
        var end = value.utf8.index(value.startIndex, offsetBy: Self.maxTextBytes, limitedBy: value.endIndex)
        // No character is cut.
        while let place = end, place.samePosition(in: value.unicodeScalars) == nil {
            end = value.utf8.index(before: place)
        }
        let text = value[..<(end ?? value.endIndex)]
        append(text.utf8.count)
        bytes.append(contentsOf: text.utf8)
    }
}

/// A message from a worker. Nothing in it is believed: what does not fit is a lie.
struct MessageReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        rest = bytes
    }

    /// What the rest of the message says, which is nothing else.
    mutating func whole<Value>(
        _ body: (inout MessageReader) throws(WorkerLie) -> Value
    ) throws(WorkerLie) -> Value {
        let value = try body(&self)
        guard rest.isEmpty else { throw WorkerLie() }
        return value
    }

    mutating func byte() throws(WorkerLie) -> UInt8 {
        guard let first = rest.popFirst() else { throw WorkerLie() }
        return first
    }

    mutating func int() throws(WorkerLie) -> Int {
        guard rest.count >= 8 else { throw WorkerLie() }
        var value: UInt64 = 0
        for (place, byte) in rest.prefix(8).enumerated() { value |= UInt64(byte) << (8 * place) }
        rest = rest.dropFirst(8)
        return Int(truncatingIfNeeded: value)
    }

    mutating func int(in range: ClosedRange<Int>) throws(WorkerLie) -> Int {
        let value = try int()
        guard range.contains(value) else { throw WorkerLie() }
        return value
    }

    mutating func double() throws(WorkerLie) -> Double {
        Double(bitPattern: UInt64(UInt(bitPattern: try int())))
    }

    /// A number that is one.
    mutating func finite() throws(WorkerLie) -> Double {
        let value = try double()
        guard value.isFinite else { throw WorkerLie() }
        return value
    }

    mutating func optional() throws(WorkerLie) -> Double? {
        let isThere = try byte() != 0
        let value = try double()
        return isThere ? value : nil
    }

    mutating func text() throws(WorkerLie) -> String {
        let count = try int(in: 0...MessageWriter.maxTextBytes)
        guard rest.count >= count, let text = String(validating: rest.prefix(count), as: UTF8.self) else {
            throw WorkerLie()
        }
        rest = rest.dropFirst(count)
        return text
    }

    mutating func size(in range: ClosedRange<Int>) throws(WorkerLie) -> ImageSize {
        ImageSize(width: try int(in: range), height: try int(in: range))
    }
}

extension MessageWriter {
    mutating func append(_ size: ImageSize) {
        append(size.width)
        append(size.height)
    }
}
