import Castor
import FoundationEssentials
import TestSupport
import Testing

@Suite struct WireTests {
    private func content(_ json: String) throws(WireError) -> Content { try Content(json: Data(json.utf8)) }
    private func line(_ json: String) throws(WireError) -> BatchRequest { try BatchRequest(json: Data(json.utf8)) }

    /// What is reserved for vectors holds them: memory that grows step by step costs a third of the time that writing takes.
    @Test func reservedMemoryIsEnough() {
        var random = SeededRandom(seed: 3)
        let vectors = (0..<100).map { _ in
            let values = random.floats(3_072)
            let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return values.map { $0 / length }
        }
        var json = JSONWriter(reserving: vectors.count * 3_072 * JSONWriter.bytesPerValue)
        let capacity = json.bytes.capacity
        for vector in vectors { json.values(vector) }
        #expect(json.bytes.capacity == capacity && json.bytes.count > capacity * 3 / 4)
    }

    @Test(arguments: [
        ("plain, grün, \u{1F468}\u{200D}\u{1F469}", "plain, grün, \u{1F468}\u{200D}\u{1F469}"),
        ("a\nb\r\nc\td", #"a\nb\r\nc\td"#), ("\u{0}\u{1B}[2J\u{7F}\u{85}\u{9B}", #"\u{0}\u{1b}[2J\u{7f}\u{85}\u{9b}"#),
        ("\u{202E}x\u{2066}\u{200F}\u{61C}\u{2028}\u{2029}", #"\u{202e}x\u{2066}\u{200f}\u{61c}\u{2028}\u{2029}"#),
    ]) func whatMovesACursorIsWrittenOut(text: String, shown: String) throws {
        #expect(text.printable == shown)
        let json = String(decoding: try JSONEncoder().encode([text]), as: UTF8.self)
        #expect(json.printableJSON.printable == json.printableJSON)
        #expect(try JSONDecoder().decode([String].self, from: Data(json.printableJSON.utf8)) == [text])
    }

    @Test func bothSpellingsOfEveryField() throws {
        let bytes: [UInt8] = [0xfb, 0xff, 0xfe, 1]
        for json in [
            #"{"role":"user","parts":[{"text":"hi"},{"inlineData":{"mimeType":"image/png","data":"+//+AQ=="}},{"fileData":{"fileUri":"a","mimeType":"audio/wav"}}]}"#,
            #"{"parts":[{"text":"hi"},{"inline_data":{"mime_type":"image/png","data":"-__-AQ"}},{"file_data":{"file_uri":"a","mime_type":"audio/wav"}}]}"#,
        ] {
            #expect(
                try content(json).parts == [
                    .text("hi"), .data(bytes, mimeType: "image/png"), .file("a", mimeType: "audio/wav"),
                ])
        }
    }

    static let refused: [(json: String, word: String)] = [
        (#"{"parts":[{"txt":"hi"}]}"#, "txt"), (#"{"parts":[null]}"#, "parts[0]"),
        (#"{"parts":[{"text":"a","inlineData":{"data":""}}]}"#, "exactly one"), (#"{"part":[]}"#, "part"),
        (#"{}"#, "parts"), (#"{"parts":"a"}"#, "parts"), (#"{"parts":[{"text":5}]}"#, "text"),
        (#"{"parts":[{"inlineData":{"mimeType":"image/png","data":"a"}}]}"#, "base64"),
        (#"{"parts":[{"inlineData":{"mimeType":"image/png","data":"%%%%"}}]}"#, "base64"),
        (#"{"parts":[{"fileData":{}}]}"#, "fileUri"), (#"{"parts":[{"fileData":{"fileUri":""}}]}"#, "fileUri"),
        (#"{"parts":[{"fileData":{"fileUri":"a","file_uri":"b"}}]}"#, "twice"), ("", "JSON"), ("[", "object"),
        ("{", "JSON"),
        (#"{"parts":[{"text":"\ud800"}]}"#, "JSON"),
    ]

    @Test(arguments: refused) func mistakesAreNamed(json: String, word: String) {
        do throws(WireError) {
            let content = try content(json)
            Issue.record("\(json) became \(content)")
        } catch {
            #expect(error.description.contains(word), "\(json): \(error)")
        }
    }

    @Test func settingsStandInTwoPlacesAndTheInnerOneWins() throws {
        let outer = try line(
            #"{"key":"k","request":{"model":"models/x","content":{"parts":[{"text":"a"}]},"taskType":"CLUSTERING","output_dimensionality":7,"title":"t"}}"#
        )
        let request = outer.request
        #expect(outer.key == "k" && request.dimensions == 7 && request.task == .clustering && request.title == "t")
        let inner = try line(
            #"{"request":{"content":{"parts":[]},"outputDimensionality":7,"embedContentConfig":{"outputDimensionality":9,"task_type":1,"autoTruncate":false}}}"#
        )
        #expect(
            inner.key == nil && inner.request.dimensions == 9 && inner.request.task == .retrievalQuery
                && inner.request.autoTruncate == false)
        #expect(
            try line(#"{"request":{"content":{"parts":[]},"taskType":"TASK_TYPE_UNSPECIFIED"}}"#).request.task == nil)
        for bad in [
            #"{"request":{"content":{"parts":[]},"taskType":"NOPE"}}"#,
            #"{"request":{"content":{"parts":[]},"taskType":99}}"#,
            #"{"request":{"content":{"parts":[]},"taskType":-9223372036854775808}}"#,
            #"{"request":{"content":{"parts":[]},"taskType":-1}}"#,
            #"{"request":{"content":{"parts":[]},"taskType":1.5}}"#,
            #"{"request":{}}"#, #"{"key":"k"}"#,
            #"{"request":{"content":{"parts":[]},"dimensions":5}}"#,
        ] {
            #expect(throws: WireError.self, "\(bad)") { try line(bad) }
        }
        #expect(BatchRequest.labels(ofDamaged: Array(#"{"key":"k","request":5}"#.utf8)).key == "k")
        // What stands before the damage.
        #expect(BatchRequest.labels(ofDamaged: Array(#"{"key":7,"request":{"#.utf8)).key == "7")
    }

    /// What the service's reader takes beyond JSON and beyond its own types.
    @Test func whatTheServiceTakesIsTaken() throws {
        let text = Content("hi")
        for json in [
            "{'parts': [{'text': 'hi'}]}", "{parts: [{text: \"hi\"},],}", #"{"parts":{"text":"hi"}}"#,
            #"{"parts":[{"text":"hi","thought":true}]}"#,
            #"{"role":null,"parts":[{"text":"hi","inlineData":null}]}"#, "\u{feff}{\"parts\":[{\"text\":\"hi\"}]}\r",
        ] { #expect(try content(json) == text, "\(json)") }
        #expect(try content("{\"parts\":[{\"text\":\"a\u{2028}b\\u2029\"}]}") == Content("a\u{2028}b\u{2029}"))
        #expect(try content(#"{"parts":[{}]}"#) == Content(""))
        for mimeType in [#""mimeType":"","#, #""mimeType":null,"#, ""] {
            #expect(
                try content(#"{"parts":[{"inlineData":{\#(mimeType)"data":"AAEC"}}]}"#).parts == [
                    .data([0, 1, 2], mimeType: nil)
                ])
        }
        // As Python's `encodebytes` and PHP's `json_encode` write base64.
        for data in [#"+//+\nAQ==\n"#, #"+\/\/+AQ=="#, "-__-AQ", "+//+ AQ"] {
            #expect(
                try content(#"{"parts":[{"inlineData":{"data":"\#(data)"}}]}"#).parts == [
                    .data([0xfb, 0xff, 0xfe, 1], mimeType: nil)
                ], "\(data)")
        }
        for (fields, dimensions, task) in [
            (#""outputDimensionality":"3","taskType":"retrieval_query""#, 3, .retrievalQuery),
            (#""outputDimensionality":3.0,"taskType":"Clustering""#, 3, .clustering),
            (#""output_dimensionality":"3e0","task_type":5"#, 3, .clustering),
        ] as [(String, Int, TaskType)] {
            let request = try line(#"{"request":{"content":{"parts":[]},\#(fields)}}"#).request
            #expect(request.dimensions == dimensions && request.task == task, "\(fields)")
        }
        #expect(try line(#"{"request":{"content":{"parts":[]},"autoTruncate":"false"}}"#).request.autoTruncate == false)
    }

    @Test func keysAreTextsOrNumbersAsTheyAreWritten() throws {
        for (json, key) in [
            (#""7""#, "7"), ("7", "7"), ("7.50", "7.50"), ("12345678901234567890", "12345678901234567890"),
            (#""\u0037""#, "7"),
        ] {
            #expect(try line(#"{"key":\#(json),"request":{"content":{"parts":[]}}}"#).key == key)
        }
        #expect(try line(#"{"key":null,"request":{"content":{"parts":[]}}}"#).key == nil)
        for json in ["true", "[]", "{}"] {
            #expect(throws: WireError.self) { try line(#"{"key":\#(json),"request":{"content":{"parts":[]}}}"#) }
        }
        let keys: Set<RecordKey> = [RecordKey("caf\u{e9}"), RecordKey("cafe\u{301}"), RecordKey("caf\u{e9}")]
        #expect(keys.count == 2)
    }

    @Test func vectorsAreWrittenAsShortestDecimals() throws {
        let values: [Float] = [
            0.1, -0.01657847, 1e-10, 0, -0.0, 1, 3.4028235e38, 1.1754944e-38, .leastNonzeroMagnitude,
        ]
        var writer = JSONWriter()
        writer.values(values)
        let read = try JSONDecoder().decode([Float].self, from: Data(writer.bytes))
        #expect(read.map(\.bitPattern) == values.map(\.bitPattern))
        #expect(String(decoding: writer.bytes, as: UTF8.self).hasPrefix("[0.1,-0.01657847,1e-10,0.0,-0.0,1.0,"))
    }

    /// Character for character what the standard library writes, for vectors' numbers and for all others.
    @Test func decimalsAreTheShortest() {
        var random = SeededRandom(seed: 11)
        var values = (0..<300_000).map { _ in Float.random(in: -1...1, using: &random) }
        values += (0..<300_000).map { _ in Float.random(in: -0.06...0.06, using: &random) }
        values += (0..<100_000).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: random.next())) }.filter(
            \.isFinite)
        // Few digits, powers of two and ten, and their neighbours.
        for digits in 0..<20_000 { values.append(Float(digits) / 20_000) }
        for exponent in -20...3 {
            for base in [Float(sign: .plus, exponent: exponent, significand: 1), Float("1e\(exponent)")!] {
                values += [base, base.nextUp, base.nextDown, -base, base / 3]
            }
        }
        for value in values {
            var writer = JSONWriter()
            writer.values([value])
            let text = String(decoding: writer.bytes.dropFirst().dropLast(), as: UTF8.self)
            if text != value.description { Issue.record("\(text), expected \(value.description)") }
        }
    }

    @Test func stringsAreEscaped() throws {
        let text = "quote \" backslash \\ line\n tab\t return\r bell\u{7} nul\0 é 👋 \u{2028} /"
        var writer = JSONWriter()
        writer.string(text)
        #expect(try JSONDecoder().decode(String.self, from: Data(writer.bytes)) == text)
    }
}
