extension JSONReader {
    /// The way to the value that was begun last.
    package var path: [JSONStep] {
        var path: [JSONStep] = []
        for frame in frames where frame.index >= 0 {
            switch frame.kind {
            case .object: path.append(.name(text(ofName: frame.name)))
            case .list: path.append(.index(frame.index))
            case .single: break
            }
        }
        return path
    }

    /// The first byte of the name that was read last.
    var nameStart: Int { frames[frames.count - 1].name.lowerBound }

    private func text(ofName range: Range<Int>) -> String {
        var reader = self
        reader.position = range.lowerBound
        return (try? reader.name().text) ?? ""
    }

    package func failure(_ problem: JSONError.Problem, at offset: Int? = nil) -> JSONError {
        let end = min(offset ?? position, count)
        let before = UnsafeBufferPointer(start: base, count: end)
        let line = before.count { $0 == 10 } + 1
        let column = end - (before.lastIndex(of: 10).map { $0 + 1 } ?? 0) + 1
        return JSONError(problem, path: path, line: line, column: column)
    }

    func syntax(_ reason: String, at offset: Int? = nil) -> JSONError { failure(.syntax(reason), at: offset) }

    /// Of the value that is due, or of the scalar that began at `start`: it is something else than `wanted`.
    package func type(_ wanted: String, at start: Int? = nil) -> JSONError {
        var due = self
        due.position = start ?? position
        let kind = try? due.kind()
        if kind == .list, wanted != "a list", case .object? = frames.last?.kind, case .name(let name)? = path.last {
            return failure(.notRepeated(name: name))
        }
        var given: String?
        if let kind, kind != .list, kind != .object {
            let start = due.position
            if (try? due.skipStart()) != nil {
                let bytes = UnsafeBufferPointer(start: base + start, count: due.position - start)
                given = String(decoding: bytes.prefix(100), as: UTF8.self) + (bytes.count > 100 ? "..." : "")
            }
        }
        return failure(.type(wanted: wanted, given: given), at: start)
    }

    /// What stands where a value is expected.
    func notAValue() -> JSONError {
        var end = position
        while end < count, !Self.endsWord(base[end]) { end += 1 }
        guard end > position else { return syntax("a value is expected here") }
        let word = String(
            decoding: UnsafeBufferPointer(start: base + position, count: min(end - position, 100)), as: UTF8.self)
        return syntax("\(word) is neither a number nor true, false, null or a text in quotes")
    }

    static func endsWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ":"), UInt8(ascii: "\""), 0...32:
            true
        default: false
        }
    }
}
