import CastorJSON
import Glibc
import TestSupport
import Testing

/// Numbers to the last bit.
@Suite struct NumberTests {
    /// Few and many digits, small and large, halfway between two values of either size, and the neighbours of those.
    static let texts: [String] = {
        var random = SeededRandom(seed: 20_261_129)
        var texts = [
            "0", "-0", "-0.0", "1e22", "1e23", "9007199254740993", "9007199254740992.5", "123456789012345678",
            "12345678901234567890",
            "0.1", "0.3", "2.2250738585072014e-308", "2.2250738585072011e-308", "4.9e-324", "1.7976931348623157e308",
            "1e-400", "0e999",
            "0.000000000000000000000000000000000000000000000000000000001",
            "100000000000000000000000000000000000000000000", "16777217",
            "1.17549435e-38", "1e-45", "3.4028235e38", "8388608.5",
        ]
        for _ in 0..<5_000 {
            let value = Double(bitPattern: random.next())
            if value.isFinite { texts += ["\(value)", "\(value.nextUp)"] }
            let small = Float.random(in: -1...1, using: &random)
            texts += ["\(small)", "\((Double(small) + Double(small.nextUp)) / 2)", "\(Double(small) * 1e-9)"]
            let digits = Int.random(in: 1...25, using: &random)
            let mantissa = (0..<digits).map {
                "\($0 == 0 ? Int.random(in: 1...9, using: &random) : Int.random(in: 0...9, using: &random))"
            }
            .joined()
            texts.append("\(mantissa)e\(Int.random(in: -40...40, using: &random))")
            texts.append("-\(mantissa).\(mantissa)E+\(Int.random(in: 0...30, using: &random))")
        }
        return texts
    }()

    @Test func doublesAreTheNearest() throws {
        let read = try JSONReader.read(Array("[\(Self.texts.joined(separator: ", "))]".utf8)) {
            (json) throws(JSONError) in
            var values: [Double] = []
            try json.startList()
            while try json.nextItem() {
                let number = try json.number()
                values.append(json.double(number))
            }
            return values
        }
        #expect(read.count == Self.texts.count)
        for (text, value) in zip(Self.texts, read) where value.bitPattern != strtod(text, nil).bitPattern {
            Issue.record("\(text) was read as \(value)")
        }
    }

    @Test func floatsAreTheNearest() throws {
        let read = try JSONReader.read(Array("[\(Self.texts.joined(separator: ","))]".utf8)) {
            (json) throws(JSONError) in
            var values: [Float] = []
            try json.appendFloats(to: &values)
            return values
        }
        for (text, value) in zip(Self.texts, read) where value.bitPattern != strtof(text, nil).bitPattern {
            Issue.record("\(text) was read as \(value)")
        }
    }

    @Test func wholeNumbersAreExact() throws {
        for (text, value) in [
            ("0", 0), ("-0", 0), ("7", 7), ("-12", -12), ("9223372036854775807", Int.max),
            ("-9223372036854775808", Int.min), ("7.0", 7),
            ("7e2", 700), ("9223372036854775808", nil), ("7.5", nil), ("1e99", nil), ("1e-1", nil),
            ("999999999999999999", 999_999_999_999_999_999),
        ] as [(String, Int?)] {
            let read = try JSONReader.read(Array(text.utf8)) { (json) throws(JSONError) in
                let number = try json.number()
                return json.int(number)
            }
            #expect(read == value, "\(text)")
        }
    }

    @Test func whatIsBeyondAnF64IsRefusedWhereOneIsWanted() {
        for text in ["1e999", "-1e400", String(repeating: "9", count: 400)] {
            #expect(throws: JSONError.self) {
                try JSONReader.read(Array(text.utf8)) { (json) throws(JSONError) in try json.double() }
            }
            #expect(throws: JSONError.self) { try JSONValue(json: Array(text.utf8)) }
        }
        // A list of vectors' values says it by an infinite value, as some writers do.
        let floats = try? JSONReader.read(Array("[NaN, -Infinity, Infinity, 1e99]".utf8)) { (json) throws(JSONError) in
            var values: [Float] = []
            try json.appendFloats(to: &values)
            return values
        }
        #expect(floats?.first?.isNaN == true && floats?.dropFirst() == [-.infinity, .infinity, .infinity])
    }
}
