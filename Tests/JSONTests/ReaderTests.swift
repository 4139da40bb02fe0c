import CastorJSON
import Testing

/// How the reader is used: what is visited, passed over, and said of mistakes.
@Suite struct ReaderTests {
    private func read<Value>(
        _ json: String, _ options: JSONReader.Options = .strict,
        _ body: (inout JSONReader) throws(JSONError) -> Value
    ) throws(JSONError) -> Value {
        try JSONReader.read(Array(json.utf8), options, body)
    }

    @Test func whatIsNotReadIsPassedOver() throws {
        let json = #"{"a": {"x": [1, {"y": "]}\""}]}, "b": 7, "c": [[[]]], "d": [1, [2], 3]}"#
        var (b, items, names): (Int?, Int, [String]) = (nil, 0, [])
        try read(json) { (json) throws(JSONError) in
            try json.startObject()
            while let name = try json.nextName() {
                names.append(name.text)
                switch name {
                case "b":
                    let number = try json.number()
                    b = json.int(number)
                case "d":
                    try json.startList()
                    while try json.nextItem() { items += 1 }
                default: break
                }
            }
        }
        #expect(b == 7 && items == 3 && names == ["a", "b", "c", "d"])
    }

    /// As protobuf, Python, JavaScript and Go have it.
    @Test func theLastOfTwoMembersWins() throws {
        let value = try read(#"{"a": 1, "a": 2}"#) { (json) throws(JSONError) in
            var value: Double?
            try json.startObject()
            while let name = try json.nextName() { if case "a" = name { value = try json.double() } }
            return value
        }
        #expect(value == 2)
        let error = #expect(throws: JSONError.self) { try JSONValue(json: Array("{\n \"a\": 1,\n \"a\": 2}".utf8)) }
        #expect(error?.description == "line 3, column 2: the key \"a\" is given twice")
    }

    @Test func namesHaveTwoSpellings() throws {
        func matches(_ name: String) throws -> Bool {
            try read("{\"\(name)\": 1}") { (json) throws(JSONError) in
                try json.startObject()
                var found = false
                while let name = try json.nextName() { if case "output_dimensionality" = name { found = true } }
                return found
            }
        }
        for name in ["output_dimensionality", "outputDimensionality", "output\\u0044imensionality"] {
            #expect(try matches(name), "\(name)")
        }
        for name in [
            "output_Dimensionality", "OutputDimensionality", "outputdimensionality", "output__dimensionality",
            "output_dimensionalit",
            "output_dimensionalityy", "", "_", "output",
        ] { #expect(try !matches(name), "\(name)") }
    }

    @Test func bothSpellingsAtOnceAreAnErrorAndNullIsNoField() throws {
        func fields(_ json: String) throws(JSONError) -> [String] {
            try read(json) { (json) throws(JSONError) in
                var names: [String] = []
                try json.startObject()
                while let name = try json.nextField() {
                    names.append(name.text)
                    if case "inner" = name {
                        try json.startObject()
                        while let name = try json.nextField() { names.append(name.text) }
                    }
                }
                return names
            }
        }
        #expect(try fields(#"{"aB": 1, "inner": {"a_b": 2}, "c": null, "aB": 3}"#) == ["aB", "inner", "a_b", "aB"])
        for json in [
            #"{"aB": 1, "a_b": 2}"#, #"{"a_b": null, "aB": 2}"#, #"{"inner": {"x": 0, "mime_type": 1, "mimeType": 1}}"#,
        ] {
            let error = #expect(throws: JSONError.self) { try fields(json) }
            guard case .twice? = error?.problem else {
                Issue.record("\(json): \(String(describing: error))")
                continue
            }
        }
    }

    @Test func oneValueCountsAsAListWhereItMay() throws {
        func items(_ json: String) throws(JSONError) -> [Double] {
            try read(json) { (json) throws(JSONError) in
                var items: [Double] = []
                try json.startRepeated()
                while try json.nextItem() { items.append(try json.double()) }
                return items
            }
        }
        #expect(try items("[1, 2]") == [1, 2])
        #expect(try items("3") == [3])
        #expect(try items("[]") == [])
        #expect(throws: JSONError.self) { try items("3 4") }
        #expect(throws: JSONError.self) { try items("{}") }
    }

    @Test func unknownNamesAreRefusedNotedOrPassedOver() throws {
        let json = "{\n \"a\": {\"b\": [{\"x\": {}, \"y\": 1}]}}"
        func walk(_ json: inout JSONReader) throws(JSONError) -> [JSONError] {
            try json.startObject()
            while let name = try json.nextField() {
                guard case "a" = name else { continue }
                try json.startObject()
                while let name = try json.nextField() {
                    guard case "b" = name else { continue }
                    try json.startList()
                    while try json.nextItem() {
                        try json.startObject()
                        while let name = try json.nextField() { try json.unknown(name) }
                    }
                }
            }
            return json.findings
        }
        let refused = #expect(throws: JSONError.self) { try read(json, .strict, walk) }
        #expect(refused?.description == "a.b[0]: unknown field \"x\"")
        #expect(refused?.line == 2 && refused?.column == 15)
        var options = JSONReader.Options.strict
        options.unknownNames = .noted
        #expect(
            try read(json, options, walk).map(\.description) == [
                "a.b[0]: unknown field \"x\"", "a.b[0]: unknown field \"y\"",
            ])
        let many = "{\"a\": {\"b\": [{\((0..<100).map { "\"x\($0)\": 0" }.joined(separator: ","))}]}}"
        #expect(try read(many, options, walk).count == 20)
        options.unknownNames = .passed
        #expect(try read(json, options, walk).isEmpty)
    }

    @Test func wrongTypesAreNamedByTheirPlaceAndValue() {
        let cases: [(json: String, description: String)] = [
            (#"{"a": [1, 2, "three"]}"#, "a[2]: must be a number, is \"three\""),
            (#"{"a": [null]}"#, "a[0]: must be a number, is null"),
            (#"{"a": [{}]}"#, "a[0]: must be a number"), (#"{"a": 7}"#, "a: must be a list, is 7"),
            ("[]", "must be an object"),
            (
                #"{"a": ["\#(String(repeating: "x", count: 300))"]}"#,
                "a[0]: must be a number, is \"\(String(repeating: "x", count: 99))..."
            ),
        ]
        for (json, description) in cases {
            let error = #expect(throws: JSONError.self) {
                try read(json) { (json) throws(JSONError) in
                    try json.startObject()
                    while try json.nextName() != nil {
                        try json.startList()
                        while try json.nextItem() { _ = try json.double() }
                    }
                }
            }
            #expect(error?.description == description)
        }
    }

    /// What follows the first item too many is not even JSON.
    @Test func listsEndTheReadingAtTheirLimit() throws {
        func numbers(_ json: String, atMost limit: Int?, _ options: JSONReader.Options = .service) throws -> [Int] {
            try read(json, options) { (json) throws(JSONError) in
                try json.startObject()
                var numbers: [Int] = []
                while try json.nextName() != nil {
                    numbers += try json.list(atMost: limit, else: limit.map { "at most \($0)" }) {
                        (json) throws(JSONError) in
                        let number = try json.number()
                        return json.int(number) ?? 0
                    }
                }
                return numbers
            }
        }
        #expect(try numbers(#"{"a":[1,2,3],"b":4,"c":[]}"#, atMost: 3) == [1, 2, 3, 4])
        let error = #expect(throws: JSONError.self) { try numbers(#"{"a":[1,2,3,%"#, atMost: 2) }
        #expect(error?.description == "a: at most 2")
        #expect(throws: JSONError.self) { try numbers(#"{"a":1}"#, atMost: 0) }
        var options = JSONReader.Options.service
        options.maxItems = 2
        #expect(try numbers(#"{"a":[1,2],"b":[3,4]}"#, atMost: nil, options) == [1, 2, 3, 4])
        let general = #expect(throws: JSONError.self) { try numbers(#"{"a":[1,2,3,%"#, atMost: nil, options) }
        #expect(general?.description == "a: has more than 2 items")
    }

    @Test func copiesHaveABound() throws {
        let text = #"{"a":[1,"two",{"b":null}]}"#
        for limit in 0...30 {
            let copy = try? read(text) { (json) throws(JSONError) in try json.copy(atMost: limit) }
            #expect((copy != nil) == (limit >= text.utf8.count), "\(limit)")
        }
    }

    @Test func controlCharactersAreWrittenAsEscapes() throws {
        let text = "\u{0}\u{1b}\u{7f}\u{80}\u{9b}\u{9f}\u{a0}é\u{c2}\""
        var bytes: [UInt8] = []
        JSONText.append(text, to: &bytes)
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == #""\u0000\u001b\u007f\u0080\u009b\u009f"# + "\u{a0}é\u{c2}" + #"\"""#)
        #expect(try JSONReader.read(bytes) { (json) throws(JSONError) in try json.string() } == text)
    }

    @Test func linesOfATree() {
        let lines = JSONLines(Array("{\"a\": 1,\n \"b\": [\n  {\"c\": 2},\n  {\"c\": 3}\n ]\n}".utf8))
        #expect(lines["a"] == 1 && lines["b"] == 2 && lines["b[0]"] == 3 && lines["b[1].c"] == 4 && lines["d"] == nil)
    }

    @Test func textsAreGivenWithoutACopyAndWithEscapes() throws {
        for (json, text) in [(#""plain""#, "plain"), (#""a\/b\n""#, "a/b\n"), ("\"\"", "")] {
            #expect(
                try read(json) { (json) throws(JSONError) in try json.withStringBytes { Array($0) } }
                    == Array(text.utf8))
        }
    }
}
