import Castor
import FoundationEssentials
import TestSupport
import Testing
import Training

/// Data as spreadsheets, editors and file systems leave them.
@Suite struct OddDataTests {
    @Test func linksThatLeadBack() throws {
        try DataFolder.with { folder in
            try folder.write("x/a/p.bmp", Made.picture(seed: 1))
            try folder.write("x/b/q.bmp", Made.picture(seed: 2))
            for (link, target) in [("a/up", ".."), ("a/b", "../b"), ("b/a", "../a"), ("c", "."), ("b/here", ".")] {
                try FileManager.default.createSymbolicLink(
                    atPath: "\(folder.path)/x/\(link)", withDestinationPath: target)
            }
            let set = try folder.open("x", .folder)
            #expect(
                try set.texts == [["a", "@a/b/q.bmp"], ["a", "@a/p.bmp"], ["b", "@b/a/p.bmp"], ["b", "@b/q.bmp"]])
            for link in ["a/up", "x/c", "b/here"] {
                #expect(set.notes.contains { $0.contains("\(link): is a folder that was counted") }, "\(set.notes)")
            }
            let digest = try DataDigest.of(set)
            try folder.write("x/b/q.bmp", Made.picture(seed: 3))
            #expect(try DataDigest.of(set) != digest)
        }
    }

    @Test func aQuoteThatDoesNotClose() throws {
        try DataFolder.with { folder in
            func lines(_ changed: [Int: String]) -> String {
                (1...310).map { (changed[$0] ?? "question \($0),answer \($0)") + "\n" }.joined()
            }
            let span = "a quoted field of 296 lines, 6 to 301: is a quote unclosed?"
            try folder.write("bad.csv", lines([6: "\"question 6,answer 6", 301: "question \"301\" or,answer 301"]))
            let bad = try folder.open("bad.csv", .csv) { $0.badShare = 1 }
            #expect(bad.bad.count == 1 && bad.badCount == 296 && bad.recordCount == 310 && bad.rows.count == 14)
            #expect(bad.bad.first?.reason.hasSuffix(span) == true, "\(bad.bad)")
            let error = #expect(throws: DataError.self) { try folder.open("bad.csv", .csv) }
            #expect(error?.description.contains("296 of 310 samples are bad") == true, "\(String(describing: error))")
            // Closed by a quote of another line, as a field like others.
            try folder.write("odd.csv", lines([6: "\"question 6", 301: "question 301\",answer 301"]))
            let odd = try folder.open("odd.csv", .csv)
            #expect(odd.bad.isEmpty && odd.notes == ["odd.csv: \(span)"], "\(odd.notes)")
            try folder.write("good.csv", lines([6: "\"question\n6\n\",answer"]))
            #expect(try folder.open("good.csv", .csv).notes.isEmpty)
        }
    }

    @Test func zeroBytesAreNoText() throws {
        try DataFolder.with { folder in
            let wide = "question;answer\r\n".utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
            for (name, format) in [("x.tsv", .tsv), ("x.csv", .csv), ("x.jsonl", .jsonl)]
                as [(String, DataSource.Format)]
            {
                try folder.write(name, wide)
                let error = #expect(throws: DataError.self) { try folder.open(name, format) }
                #expect(
                    error?.description.contains("byte 2 is 0, which no text has: it is UTF-16") == true,
                    "\(String(describing: error))")
            }
        }
    }

    @Test func semicolons() throws {
        try DataFolder.with { folder in
            try folder.write(
                "x.csv",
                "\u{feff}question;answer\r\n\"one; \"\"1\"\"\";eins, zwei\r\n\"two\r\nlines\";zwei; drei\r\nthree;\"3\"\r\n"
            )
            let set = try folder.open("x.csv", .csv) { $0.hasHeader = true }
            #expect(set.isDividedBySemicolons && set.bad.isEmpty, "\(set.bad)")
            #expect(
                try set.texts == [["one; \"1\"", "eins, zwei"], ["two\r\nlines", "zwei"], ["three", "3"]])
            // Semicolons in texts are none that divide.
            for text in [
                "a; b,c; d\ne; f,g; h\n", "query,answer\na; b,c\nd; e,f\n", "a,b\nc,d\n", "\"a;b\",c\n\"d;e\",f\n",
            ] {
                try folder.write("y.csv", text)
                let commas = try folder.open("y.csv", .csv)
                #expect(!commas.isDividedBySemicolons && commas.bad.isEmpty && commas.rows.count >= 2, "\(text)")
            }
            try folder.write("photos/a.bmp", Made.picture(seed: 1))
            try folder.write("photos/captions.csv", "file;caption\na.bmp;\"red; and square\"\n")
            #expect(try folder.open("photos", .folder).texts == [["red; and square", "@a.bmp"]])
        }
    }
}
