/// Writing, as far as a reader needs it.
package enum JSONText {
    /// Appends the text as a JSON string, with quotes and escapes.
    package static func append(_ text: String, to bytes: inout [UInt8]) {
        func raw(_ text: StaticString) {
            bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
        }
        func control(_ code: UInt8) {
            let digits: StaticString = "0123456789abcdef"
            raw("\\u00")
            bytes.append(digits.utf8Start[Int(code >> 4)])
            bytes.append(digits.utf8Start[Int(code & 15)])
        }
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): raw("\\\"")
            case UInt8(ascii: "\\"): raw("\\\\")
            case UInt8(ascii: "\n"): raw("\\n")
            case UInt8(ascii: "\t"): raw("\\t")
            case 0..<0x20, 0x7f: control(byte)
            // The controls of ISO 6429 beyond ASCII, two bytes of UTF-8: a terminal may act on them as it does on an escape.
            case 0x80...0x9f where bytes.last == 0xc2:
                bytes.removeLast()
                control(byte)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

extension JSONReader {
    /// The value that is due as JSON on one line, members in their order and numbers as they are written, whatever the reader tolerates.
    ///
    /// - Parameter limit: bytes that it may have
    package mutating func copy(atMost limit: Int = .max) throws(JSONError) -> [UInt8] {
        var bytes: [UInt8] = []
        // For every list or object that is open, whether it is an object.
        var open: [Bool] = []
        try copyStart(&bytes, &open)
        while bytes.count <= limit, let isObject = open.last {
            let isFirst = bytes.last == UInt8(ascii: "{") || bytes.last == UInt8(ascii: "[")
            if isObject {
                guard let name = try nextName() else {
                    bytes.append(UInt8(ascii: "}"))
                    open.removeLast()
                    continue
                }
                if !isFirst { bytes.append(UInt8(ascii: ",")) }
                JSONText.append(name.text, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
            } else {
                guard try nextItem() else {
                    bytes.append(UInt8(ascii: "]"))
                    open.removeLast()
                    continue
                }
                if !isFirst { bytes.append(UInt8(ascii: ",")) }
            }
            try copyStart(&bytes, &open)
        }
        guard bytes.count <= limit else { throw failure(.value("has more than \(limit) bytes")) }
        return bytes
    }

    private mutating func copyStart(_ bytes: inout [UInt8], _ open: inout [Bool]) throws(JSONError) {
        switch try kind() {
        case .object:
            try startObject()
            bytes.append(UInt8(ascii: "{"))
            open.append(true)
        case .list:
            try startList()
            bytes.append(UInt8(ascii: "["))
            open.append(false)
        case .string: JSONText.append(try string(), to: &bytes)
        case .number: bytes.append(contentsOf: text(try number()).utf8)
        case .flag: bytes.append(contentsOf: (try bool() ? "true" : "false").utf8)
        case .null:
            try null()
            bytes.append(contentsOf: "null".utf8)
        }
    }
}
