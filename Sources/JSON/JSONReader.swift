/// The one reader of JSON: of recipes, tasks, batch files, recorded vectors and requests.
///
/// It goes through bytes from front to back and makes nothing but what it is asked for, so that a body of a hundred million braces costs
/// no memory. A value is read by the method of its kind; one that is not read is passed over, and checked:
///
/// ```swift
/// try json.startObject()
/// while let name = try json.nextName() {
///     switch name {
///     case "size": size = try json.int()
///     case "tags":
///         try json.startList()
///         while try json.nextItem() { tags.append(try json.string()) }
///     default: try json.unknown(name)
///     }
/// }
/// try json.finish()
/// ```
///
/// A name that an object has twice is visited twice, so that the last one wins: that is what protobuf's reader does with a scalar, and
/// what the JSON readers of Python, JavaScript and Go do. Trees refuse it (``JSONValue``).
package struct JSONReader {
    package struct Options: Sendable {
        /// Whether what protobuf's reader takes beyond JSON is taken: texts and names in single quotes, names without quotes, a comma behind the
        /// last member or item, unknown escapes as their character, control characters in texts. The default is JSON alone.
        package var isTolerant = false
        /// Lists and objects in one another. The default is protobuf's, 100.
        package var maxDepth = 100
        /// Values in all, lists and objects among them. The default is two million: a hundred contents of as many parts as there
        /// are tokens in the context have fewer.
        package var maxValues = 2_000_000
        /// Items of a list that is read by ``JSONReader/list(atMost:else:_:)``. The default is no bound of its own.
        package var maxItems = Int.max
        /// What becomes of names that ``JSONReader/unknown(_:)`` is told. The default throws.
        package var unknownNames = UnknownNames.refused

        package init() {}

        package static let strict = Options()
        /// As the service reads.
        package static let service: Options = {
            var options = Options()
            options.isTolerant = true
            return options
        }()
    }

    package enum UnknownNames: Sendable {
        case refused
        /// Noted in ``JSONReader/findings``, so that whoever wrote them learns all of them at once.
        case noted
        case passed
    }

    package enum Kind: Sendable {
        case object, list, string, number, flag, null
    }

    /// A list or object that is open.
    struct Frame {
        enum Kind { case object, list, single }

        var kind: Kind
        /// Of the item or member that was begun last; -1 before the first.
        var index = -1
        /// The bytes of the member's name.
        var name = 0..<0
        /// Of ``JSONReader/compoundNames`` when the object was opened.
        var compoundStart = 0
    }

    let base: UnsafePointer<UInt8>
    let count: Int
    package let options: Options
    /// Of the next byte.
    package internal(set) var position = 0
    private(set) var frames: [Frame] = []
    /// Whether a value is due that nobody has read yet.
    private var isPending = true
    private var valueCount = 0
    /// Names of the open objects that have another spelling.
    private var compoundNames: [JSONName] = []
    /// Unknown names, where they are noted; twenty at most.
    package private(set) var findings: [JSONError] = []

    /// Of no bytes.
    nonisolated(unsafe) private static let empty = UnsafePointer(UnsafeMutablePointer<UInt8>.allocate(capacity: 1))

    /// - Parameter bytes: UTF-8, a byte order mark before it or not; they must stay where they are as long as the reader is used
    package init(_ bytes: UnsafeRawBufferPointer, _ options: Options = .strict) throws(JSONError) {
        base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? Self.empty
        count = bytes.count
        self.options = options
        // Once for all, so that texts can be taken as they are.
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: UnsafeBufferPointer(start: base, count: count).span)
        } catch {
            position = error.byteOffsets.lowerBound
            throw syntax("it is not UTF-8")
        }
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { position = 3 }
    }

    /// Reads the one value that `bytes` hold.
    package static func read<Value>(
        _ bytes: UnsafeRawBufferPointer, _ options: Options = .strict,
        _ body: (inout JSONReader) throws(JSONError) -> Value
    ) throws(JSONError) -> Value {
        var reader = try JSONReader(bytes, options)
        let value = try body(&reader)
        try reader.finish()
        return value
    }

    /// Reads the one value that `bytes` hold.
    package static func read<Value>(
        _ bytes: [UInt8], _ options: Options = .strict, _ body: (inout JSONReader) throws(JSONError) -> Value
    ) throws(JSONError) -> Value {
        try bytes.span.bytes.withUnsafeBytes { (bytes) throws(JSONError) in try read(bytes, options, body) }
    }

    // MARK: - What comes next

    /// The kind of the value that is due; nothing of it is read.
    package mutating func kind() throws(JSONError) -> Kind {
        skipSpace()
        guard position < count else { throw syntax("a value is missing at the end") }
        switch base[position] {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .list
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "'") where options.isTolerant: return .string
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .flag
        case UInt8(ascii: "n"): return .null
        default: throw notAValue()
        }
    }

    /// Whether a `null` was due, which is then read.
    package mutating func takeNull() throws(JSONError) -> Bool {
        guard try kind() == .null else { return false }
        try null()
        return true
    }

    mutating func skipSpace() {
        while position < count, Self.isSpace(base[position]) { position += 1 }
    }

    static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || byte == 10 || byte == 13 || byte == 9 }

    /// To be called by every method that reads a value, at its beginning.
    mutating func begin() throws(JSONError) {
        valueCount += 1
        guard valueCount <= options.maxValues else {
            throw failure(.limit("it has more than \(options.maxValues) values"))
        }
        isPending = false
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard position < count, base[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    // MARK: - Objects

    package mutating func startObject() throws(JSONError) {
        guard try kind() == .object else { throw type("an object") }
        try open(.object)
    }

    /// The name of the next member, whose value is then due; nil behind the last.
    package mutating func nextName() throws(JSONError) -> JSONName? {
        if isPending { try skip() }
        let isFirst = frames[frames.count - 1].index < 0
        if take("}") {
            close()
            return nil
        }
        if !isFirst {
            guard take(",") else { throw syntax("a comma or } is expected here") }
            if options.isTolerant, take("}") {
                close()
                return nil
            }
        }
        skipSpace()
        let start = position
        let name = try name()
        frames[frames.count - 1].index += 1
        frames[frames.count - 1].name = start..<position
        guard take(":") else { throw syntax("a colon is expected behind the key \"\(name.text)\"") }
        isPending = true
        return name
    }

    mutating func name() throws(JSONError) -> JSONName {
        if position < count {
            let quote = base[position]
            if quote == UInt8(ascii: "\"") || options.isTolerant && quote == UInt8(ascii: "'") {
                let text = try scanString()
                return JSONName(
                    start: base + text.start, count: text.end - text.start,
                    unescaped: text.hasEscapes ? try unescaped(text) : nil)
            }
        }
        let start = position
        if options.isTolerant, position < count, base[position] &- UInt8(ascii: "0") > 9 {
            while position < count, Self.isNameByte(base[position]) { position += 1 }
        }
        guard position > start else { throw syntax("a key in quotes is expected here") }
        return JSONName(start: base + start, count: position - start, unescaped: nil)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "$"):
            true
        default: false
        }
    }

    /// As ``nextName()``, of an object whose fields may be written `mime_type` or `mimeType`: both at once are an error, and a
    /// null is as good as no field.
    package mutating func nextField() throws(JSONError) -> JSONName? {
        while let name = try nextName() {
            if name.isCompound {
                let start = frames[frames.count - 1].compoundStart
                for other in compoundNames[start...] where name.isOtherSpelling(of: other) {
                    throw failure(.twice(name: name.text))
                }
                // An object of ten thousand names is none that anybody knows.
                if compoundNames.count - start < 16 { compoundNames.append(name) }
            }
            if try takeNull() { continue }
            return name
        }
        return nil
    }

    /// Of a member that nobody knows; its value is passed over.
    package mutating func unknown(_ name: JSONName) throws(JSONError) {
        switch options.unknownNames {
        case .passed: break
        case .refused:
            var error = failure(.unknown(name: name.text), at: nameStart)
            error.path.removeLast()
            throw error
        case .noted:
            // A body of many megabytes of unknown names must not come back as large.
            if findings.count < 20 {
                // Lines are not counted for those who answer with a path.
                findings.append(JSONError(.unknown(name: name.text), path: path.dropLast(), line: 1, column: 1))
            }
        }
        try skip()
    }

    // MARK: - Lists

    package mutating func startList() throws(JSONError) {
        guard try kind() == .list else { throw type("a list") }
        try open(.list)
    }

    /// As ``startList()``; a single value counts as a list of it, as in protobuf's reader.
    package mutating func startRepeated() throws(JSONError) {
        guard try kind() != .list else { return try open(.list) }
        frames.append(Frame(kind: .single, compoundStart: compoundNames.count))
        isPending = false
    }

    /// Whether there is another item, which is then due.
    package mutating func nextItem() throws(JSONError) -> Bool {
        if isPending { try skip() }
        let top = frames.count - 1
        let isFirst = frames[top].index < 0
        if frames[top].kind == .single {
            guard isFirst else {
                frames.removeLast()
                return false
            }
        } else {
            if take("]") {
                close()
                return false
            }
            if !isFirst {
                guard take(",") else { throw syntax("a comma or ] is expected here") }
                if options.isTolerant, take("]") {
                    close()
                    return false
                }
            }
        }
        frames[top].index += 1
        isPending = true
        return true
    }

    // MARK: - Structure

    private mutating func open(_ kind: Frame.Kind) throws(JSONError) {
        try begin()
        guard frames.count < options.maxDepth else {
            throw failure(.limit("it is nested more than \(options.maxDepth) deep"))
        }
        position += 1
        frames.append(Frame(kind: kind, compoundStart: compoundNames.count))
    }

    private mutating func close() {
        compoundNames.removeLast(compoundNames.count - frames.removeLast().compoundStart)
    }

    /// Passes over the value that is due, whatever it is.
    package mutating func skip() throws(JSONError) {
        let depth = frames.count
        try skipStart()
        while frames.count > depth {
            if frames[frames.count - 1].kind == .object ? try nextName() != nil : try nextItem() { try skipStart() }
        }
    }

    /// A scalar, or the beginning of a list or object.
    mutating func skipStart() throws(JSONError) {
        switch try kind() {
        case .object, .list: try open(base[position] == UInt8(ascii: "{") ? .object : .list)
        case .string:
            try begin()
            let text = try scanString()
            if text.hasEscapes { _ = try unescaped(text) }
        case .number: _ = try number()
        case .flag: _ = try bool()
        case .null: try null()
        }
    }

    /// Behind the one value: nothing may follow.
    package mutating func finish() throws(JSONError) {
        if isPending { try skip() }
        skipSpace()
        guard position == count else { throw syntax("there is more behind its end") }
    }
}
