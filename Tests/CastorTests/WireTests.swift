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
        let values: [Float] = [0.1, -0.01657847, 1e-10, 0, -0.0, 1, 3.4028235e38, 1.1754944e-38, .leastNonzeroMagnitude]
        var writer = JSONWriter()
        writer.values(values)
        let read = try JSONDecoder().decode([Float].self, from: Data(writer.bytes))
        #expect(read.map(\.bitPattern) == values.map(\.bitPattern))
        #expect(String(decoding: writer.bytes, as: UTF8.self).hasPrefix("[0.1,-0.01657847,1e-10,0.0,-0.0,1.0,"))
    }

    @Test func stringsAreEscaped() throws {
        let text = "quote \" backslash \\ line\n tab\t return\r bell\u{7} nul\0 é 👋 \u{2028} /"
        var writer = JSONWriter()
        writer.string(text)
        #expect(try JSONDecoder().decode(String.self, from: Data(writer.bytes)) == text)
    }
}
