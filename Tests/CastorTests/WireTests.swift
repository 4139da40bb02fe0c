import Castor
import FoundationEssentials
import TestSupport
import Testing

@Suite struct WireTests {
    private func content(_ json: String) throws(WireError) -> Content { try Content(json: Data(json.utf8)) }
    private func line(_ json: String) throws(WireError) -> BatchRequest { try BatchRequest(json: Data(json.utf8)) }

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
        (#"{"parts":[{"txt":"hi"}]}"#, "txt"), (#"{"parts":[{}]}"#, "exactly one"),
        (#"{"parts":[{"text":"a","inlineData":{"data":""}}]}"#, "exactly one"), (#"{"part":[]}"#, "part"),
        (#"{}"#, "parts"), (#"{"parts":{}}"#, "parts"), (#"{"parts":[{"text":5}]}"#, "text"),
        (#"{"parts":[{"inlineData":{"mimeType":"image/png","data":"a"}}]}"#, "base64"),
        (#"{"parts":[{"inlineData":{"mimeType":"image/png","data":"%%%%"}}]}"#, "base64"),
        (#"{"parts":[{"fileData":{}}]}"#, "fileUri"), (#"{"parts":[{"fileData":{"fileUri":""}}]}"#, "fileUri"),
        (#"{"parts":[{"fileData":{"fileUri":"a","file_uri":"b"}}]}"#, "twice"), ("", "JSON"), ("[", "JSON"),
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
        #expect(outer.key == "k" && outer.dimensions == 7 && outer.task == .clustering && outer.title == "t")
        let inner = try line(
            #"{"request":{"content":{"parts":[]},"outputDimensionality":7,"embedContentConfig":{"outputDimensionality":9,"task_type":1,"autoTruncate":false}}}"#
        )
        #expect(
            inner.key == nil && inner.dimensions == 9 && inner.task == .retrievalQuery && inner.autoTruncate == false)
        #expect(try line(#"{"request":{"content":{"parts":[]},"taskType":"TASK_TYPE_UNSPECIFIED"}}"#).task == nil)
        for bad in [
            #"{"request":{"content":{"parts":[]},"taskType":"NOPE"}}"#,
            #"{"request":{"content":{"parts":[]},"taskType":99}}"#, #"{"request":{}}"#, #"{"key":"k"}"#,
            #"{"request":{"content":{"parts":[]},"dimensions":5}}"#,
        ] {
            #expect(throws: WireError.self, "\(bad)") { try line(bad) }
        }
        #expect(BatchRequest.key(ofDamaged: Data(#"{"key":"k","request":5}"#.utf8)) == "k")
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
