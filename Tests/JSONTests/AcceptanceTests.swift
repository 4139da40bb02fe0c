import CastorJSON
import Testing

/// What is JSON and what is not, by RFC 8259, and what the tolerant reader takes beyond it.
@Suite struct AcceptanceTests {
    /// Bytes on one line as the reader copies them; nil where it refuses them.
    static func copy(_ bytes: [UInt8], _ options: JSONReader.Options = .strict) -> String? {
        let copy = try? JSONReader.read(bytes, options) { (json) throws(JSONError) in try json.copy() }
        return copy.map { String(decoding: $0, as: UTF8.self) }
    }

    static let accepted: [(json: String, copy: String)] = [
        ("0", "0"), ("-0", "-0"), ("-0.0", "-0.0"), ("10", "10"), ("1.25", "1.25"), ("1e5", "1e5"), ("1E+5", "1E+5"),
        ("1e-5", "1e-5"), ("0e0", "0e0"), ("0.1e00", "0.1e00"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("true", "true"), ("false", "false"), ("null", "null"), (" \t\r\n1 \t\r\n", "1"), ("\"\"", "\"\""),
        ("[]", "[]"), ("[ ]", "[]"),
        ("{}", "{}"), ("{ }", "{}"), ("[1,2 , 3]", "[1,2,3]"), ("[[],[[]]]", "[[],[[]]]"),
        ("{\"a\":{\"b\":[{}]}}", "{\"a\":{\"b\":[{}]}}"),
        ("{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}"), ("{\"\":0}", "{\"\":0}"), ("\u{feff}[]", "[]"),
        ("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\u0008\\u000c\\n\\u000d\\t\""),
        ("\"\\u0041\\u00e9\\u20ac\"", "\"A\u{e9}\u{20ac}\""),
        ("\"\\ud83d\\ude00\"", "\"\u{1f600}\""), ("\"\\uD83D\\uDE00\"", "\"\u{1f600}\""),
        ("\"\\u0000\"", "\"\\u0000\""),
        ("\"\u{7f}\u{80}\u{2028}\u{2029}\u{fffe}\u{10ffff}\"", "\"\\u007f\\u0080\u{2028}\u{2029}\u{fffe}\u{10ffff}\""),
        ("{\"caf\u{e9}\":1,\"cafe\u{301}\":2}", "{\"caf\u{e9}\":1,\"cafe\u{301}\":2}"),
        ("[true,false,null]", "[true,false,null]"),
    ]

    @Test(arguments: accepted.indices) func isRead(index: Int) {
        let (json, copy) = Self.accepted[index]
        #expect(Self.copy(Array(json.utf8)).map { Array($0.utf8) } == Array(copy.utf8), "\(json)")
        // Whatever is JSON is so for the tolerant reader, too, and means the same.
        #expect(Self.copy(Array(json.utf8), .service).map { Array($0.utf8) } == Array(copy.utf8), "\(json)")
    }

    static let refused: [String] = [
        "", " ", "\u{feff}", "[", "]", "{", "}", "[}", "{]", "[1", "[1,", "[1 2]", "[1,,2]", "[,1]", "{\"a\"",
        "{\"a\":", "{\"a\":1",
        "{\"a\" 1}", "{\"a\",1}", "{:1}", "{1:1}", "{\"a\":1 \"b\":2}", "{,}", "[,]", "[1]]", "{}{}", "1 2",
        "true false",
        "01", "-01", "00", "-", "+1", ".5", "1.", "1.e1", "1e", "1e+", "1e1.5", "0x10", "1_000", "1a", "--1", "1e5e5",
        "\u{662}",
        "nul", "nulll", "NULL", "True", "tru", "t", "f", "n", "truefalse", "nan", "NaN", "inf", "Infinity", "-Infinity",
        "undefined",
        "\"", "\"a", "\"\\\"", "\"\\", "\"\\u\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\uD800\"", "\"\\uDC00\"",
        "\"\\uD800\\uD800\"",
        "\"\\uD800x\"", "\"\\uD800\\n\"", "\"\\u00\u{e9}\"", "/* */ 1", "1 // one", "#1", "[\"a\" \"b\"]", "[1;2]",
        "\u{a0}1", "\u{2028}1", "[1]\u{0}",
    ]

    @Test(arguments: refused) func isRefused(json: String) {
        #expect(Self.copy(Array(json.utf8)) == nil)
        #expect(Self.copy(Array(json.utf8), .service) == nil)
        // As a value that is passed over.
        let skipped: ()? = try? JSONReader.read(Array(json.utf8)) { (json) throws(JSONError) in try json.skip() }
        #expect(skipped == nil)
        let inside: ()? = try? JSONReader.read(Array("[0,\(json)]".utf8)) { (json) throws(JSONError) in try json.skip()
        }
        #expect(inside == nil)
    }

    /// Only for the tolerant reader.
    static let tolerated: [(json: String, copy: String)] = [
        ("'a'", "\"a\""), ("{'a':'b\"c'}", "{\"a\":\"b\\\"c\"}"), ("'it\\'s'", "\"it's\""),
        ("{a:1,_b2:2,$c:3}", "{\"a\":1,\"_b2\":2,\"$c\":3}"),
        ("{true:1,nullable:2}", "{\"true\":1,\"nullable\":2}"), ("[1,]", "[1]"), ("{\"a\":1,}", "{\"a\":1}"),
        ("[[1,],]", "[[1]]"),
        ("\"\\q\\v\\'\"", "\"q\\u000b'\""), ("\"a\nb\tc\"", "\"a\\nb\\tc\""), ("\"\u{0}\"", "\"\\u0000\""),
        ("\"\\\u{e9}\"", "\"\u{e9}\""),
    ]

    @Test(arguments: tolerated.indices) func isTakenWhereTheServiceTakesIt(index: Int) {
        let (json, copy) = Self.tolerated[index]
        #expect(Self.copy(Array(json.utf8), .service) == copy, "\(json)")
        #expect(Self.copy(Array(json.utf8)) == nil, "\(json)")
    }

    @Test func bytesThatAreNoUTF8AreRefusedWherever() {
        for bad: [UInt8] in [
            [0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0x80],
        ] {
            for json in [
                Array("\"".utf8) + bad + Array("\"".utf8), Array("{\"".utf8) + bad + Array("\":1}".utf8), bad,
                Array("[1]".utf8) + bad,
            ] {
                #expect(Self.copy(json) == nil)
                #expect(Self.copy(json, .service) == nil)
            }
        }
        let error = #expect(throws: JSONError.self) { try JSONValue(json: Array("{\n \"".utf8) + [0xff, 0x22]) }
        #expect(error?.description == "line 2, column 3: it is not UTF-8")
    }

    /// A document with one of everything, cut at every byte: never whole before its end, and no trap.
    @Test func cutAtEveryByte() {
        let whole = Array(
            "{\"a\": [1.5e3, -0, true, null, \"\\ud83d\\ude00\\n\u{e9}\", {}, []], 'b': {c: false,},}".utf8)
        #expect(
            Self.copy(whole, .service)
                == "{\"a\":[1.5e3,-0,true,null,\"\u{1f600}\\n\u{e9}\",{},[]],\"b\":{\"c\":false}}")
        for length in 0..<whole.count {
            #expect(Self.copy(Array(whole.prefix(length)), .service) == nil, "\(length)")
            #expect(Self.copy(Array(whole.prefix(length))) == nil, "\(length)")
        }
    }

    // MARK: - Bounds

    @Test func depthIsBounded() {
        func nested(_ count: Int) -> [UInt8] {
            Array((String(repeating: "[", count: count) + String(repeating: "]", count: count)).utf8)
        }
        var options = JSONReader.Options.strict
        options.maxDepth = 5
        #expect(Self.copy(nested(5), options) != nil)
        #expect(Self.copy(nested(6), options) == nil)
        #expect(Self.copy(nested(100)) != nil)
        #expect(Self.copy(nested(101)) == nil)
        for opening in ["[", "{\"a\":", "[{\"a\":"] {
            #expect(Self.copy(Array(String(repeating: opening, count: 1_000_000).utf8)) == nil)
        }
    }

    @Test func valuesAreBoundedWhileTheyAreRead() {
        var options = JSONReader.Options.strict
        options.maxValues = 10
        func list(_ count: Int) -> [UInt8] {
            Array("[\(Array(repeating: "{}", count: count).joined(separator: ","))]".utf8)
        }
        #expect(Self.copy(list(9), options) != nil)
        let error = #expect(throws: JSONError.self) {
            try JSONReader.read(list(10), options) { (json) throws(JSONError) in try json.skip() }
        }
        #expect(error?.problem == .limit("it has more than 10 values"))
    }
}
