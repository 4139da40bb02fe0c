import Castor
import CastorNumerics
import Encoder
import FoundationEssentials
import TestSupport
import Testing
import Training

@Suite struct DataSetTests {
    // MARK: - JSONL

    @Test func jsonlHoldsContentsNegativesTeacherAndTask() throws {
        try DataFolder.with { folder in
            try folder.write("images/a.bmp", Made.picture(seed: 1))
            let absolute = try folder.write("images/b.bmp", Made.picture(seed: 2))
            try folder.write(
                "pairs.jsonl",
                """
                \u{feff}{"query": {"parts": [{"text": "one"}]}, "positive": {"parts": [{"fileData": {"fileUri": "images/a.bmp"}}]}, "teacher": [1, 2.5], "task": "RETRIEVAL_QUERY"}\r

                {"query": {"parts": [{"text": "two"}, {"file_data": {"file_uri": "\(absolute)"}}]}, "positive": {"parts": [{"text": "2"}]}, "negatives": [{"parts": [{"text": "n"}]}, {"parts": [{"text": "m"}]}], "teacher": {"query": [3, 4]}}
                """)
            let set = try folder.open("pairs.jsonl", .jsonl)
            #expect(set.recordCount == 2 && set.bad.isEmpty && set.hasPositives)
            #expect(set.queryTeacherDimensions == 2 && set.positiveTeacherDimensions == nil)
            let (one, two) = (try set.sample(0), try set.sample(1))
            #expect(one.query == Content("one") && one.positive == [.file("images/a.bmp")])
            #expect(one.task == .retrievalQuery && one.queryTeacher == [1, 2.5])
            #expect(two.query == [.text("two"), .file(absolute)] && two.negatives.map(\.text) == ["n", "m"])
            #expect(try Nano.preparation()(two.query, filesAllowed(folder)).input.tokenCount > 2)
        }
    }

    /// As most people's files have it, and other trainers' examples.
    @Test func jsonlHoldsPlainTextsAndOthersNames() throws {
        try DataFolder.with { folder in
            try folder.write(
                "pairs.jsonl",
                """
                {"query": "one", "positive": "1", "negatives": ["n", {"parts": [{"text": "m"}]}]}
                ["one", "1", "n", "m"]
                {"anchor": "one", "positive": "1", "negative": "n"}
                {"question": "one", "answer": "1"}
                {"sentence1": "one", "pos": ["1"], "neg": ["n", "m"]}
                """)
            let set = try folder.open("pairs.jsonl", .jsonl)
            #expect(set.bad.isEmpty, "\(set.bad)")
            for index in 0..<5 {
                let sample = try set.sample(index)
                #expect(sample.query == Content("one") && sample.positive == Content("1"))
                #expect(sample.negatives.map(\.text) == [["n", "m"], ["n", "m"], ["n"], [], ["n", "m"]][index])
            }
        }
    }

    private func filesAllowed(_ folder: DataFolder) -> EmbedOptions {
        var options = EmbedOptions()
        options.files = .relative(to: folder.path)
        return options
    }

    /// A line that is no sample, and words of the reason.
    private static let badLines: [(line: [UInt8], reason: String)] = [
        (Array("{".utf8), "JSON"),
        (Array(#"{"positive": {"parts": [{"text": "x"}]}}"#.utf8), "lacks \"query\""),
        (Array(#"{"query": {"parts": [{"text": "x"}]}}"#.utf8), "neither a positive nor a teacher"),
        (
            Array(#"{"query": {"parts": [{"text": "x"}]}, "teacher": {"query": [1], "positive": [1]}}"#.utf8),
            "a teacher's vector for its positive, and no positive"
        ),
        (Array(#"{"query": "x", "anchor": "y", "positive": "z"}"#.utf8), "a second query"),
        (Array(#"{"query": "x", "pos": ["y", "z"]}"#.utf8), "2 positives"),
        (Array(#"["x"]"#.utf8), "a query and its positive"),
        (Array(#"{"query": 7, "positive": "z"}"#.utf8), "must be an object"),
        (Array(#"{"query": {"parts": []}, "positive": {"parts": [{"text": "x"}]}}"#.utf8), "no parts"),
        (Array(#"{"query": {"parts": [{"text": ""}]}, "positive": {"parts": [{"text": "x"}]}}"#.utf8), "empty"),
        (Array(#"{"query": {"parts": [{"text": "x"}]}, "positve": {"parts": [{"text": "x"}]}}"#.utf8), "positve"),
        (
            Array(
                #"{"query": {"parts": [{"text": "x"}]}, "positive": {"parts": [{"fileData": {"fileUri": "no.png"}}]}}"#
                    .utf8), "no.png: No such file"
        ),
        (
            Array(
                #"{"query": {"parts": [{"text": "x"}]}, "positive": {"parts": [{"text": "y"}]}, "task": "SING"}"#.utf8),
            "SING"
        ),
        (
            Array(
                #"{"query": {"parts": [{"text": "x"}]}, "positive": {"parts": [{"text": "y"}]}, "teacher": [1]}"#.utf8),
            "teacher"
        ),
        (
            Array(#"{"query": {"parts": [{"text": ""#.utf8) + [0xff, 0xfe]
                + Array(#""}]}, "positive": {"parts": [{"text": "x"}]}}"#.utf8), "UTF-8"
        ),
    ]

    @Test(arguments: badLines.indices) func badLineIsLeftOutAndNamed(index: Int) throws {
        let (line, reason) = Self.badLines[index]
        let good = #"{"query": {"parts": [{"text": "a"}]}, "positive": {"parts": [{"text": "b"}]}}"# + "\n"
        try DataFolder.with { folder in
            let path = try folder.write("x.jsonl", Array("\(good)\n".utf8) + line + [10] + Array(good.utf8))
            let set = try folder.open("x.jsonl", .jsonl)
            #expect(set.rows.count == 2 && set.bad.count == 1)
            #expect(set.bad[0].place == DataPlace(path: path, line: 3))
            #expect(set.bad[0].reason.contains(reason), "\(set.bad[0])")
        }
    }

    @Test func tooManyBadLinesAreAnError() throws {
        let good = #"{"query": {"parts": [{"text": "a"}]}, "positive": {"parts": [{"text": "b"}]}}"# + "\n"
        try DataFolder.with { folder in
            // One is tolerated in a small set, two are not; in 300, three are.
            try folder.write("x.jsonl", good + "{\n{\n" + good)
            let error = #expect(throws: DataError.self) { try folder.open("x.jsonl", .jsonl) }
            guard case .tooManyBad("x.jsonl", 2, 4, 1, let first)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(first.place.line == 2)
            #expect(error?.description.contains("1 are tolerated (badShare)") == true)
            try folder.write("y.jsonl", String(repeating: good, count: 297) + "{\n{\n{\n")
            #expect(try folder.open("y.jsonl", .jsonl).bad.count == 3)
            #expect(throws: DataError.self) { try folder.open("y.jsonl", .jsonl) { $0.badShare = 0.005 } }
            try folder.write("z.jsonl", "{\n")
            #expect(throws: DataError.self) { try folder.open("z.jsonl", .jsonl) }
            try folder.write("empty.jsonl", "\n \r\n")
            #expect(throws: DataError.empty(dataSet: "empty.jsonl", first: nil)) {
                try folder.open("empty.jsonl", .jsonl)
            }
            #expect(throws: DataError.notFound(path: "\(folder.path)/none")) { try folder.open("none", .jsonl) }
        }
    }

    // MARK: - TSV and CSV

    @Test func tabsAndHeaders() throws {
        try DataFolder.with { folder in
            try folder.write(
                "x.tsv", "\u{feff}lang\tenglish\ttranslation\r\nde\t\"one\"\teins\r\n\r\nde\ttwo, three\tzwei\r\n")
            let named = try folder.open("x.tsv", .tsv) {
                $0.hasHeader = true
                ($0.query, $0.positive, $0.negatives) = (.name("translation"), .name("english"), [.index(0)])
            }
            #expect(try named.texts == [["eins", "\"one\""], ["zwei", "two, three"]])
            #expect(try named.sample(0).negatives.map(\.text) == ["de"])
            let plain = try folder.open("x.tsv", .tsv)
            #expect(try plain.texts.first == ["lang", "english"])
            #expect(throws: DataError.self) {
                try folder.open("x.tsv", .tsv) {
                    $0.hasHeader = true
                    $0.query = .name("no such")
                }
            }
            #expect(throws: DataError.self) { try folder.open("x.tsv", .tsv) { $0.query = .name("lang") } }
        }
    }

    @Test func commasAndQuotes() throws {
        try DataFolder.with { folder in
            try folder.write(
                "x.csv",
                "a,b\n\"one, \"\"1\"\"\",\"two\nlines\"\r\n\"\"\"q\"\"\",in\"side\"\"\nlast,\"\u{e9}\"")
            let set = try folder.open("x.csv", .csv) { $0.hasHeader = true }
            #expect(
                try set.texts == [
                    ["one, \"1\"", "two\nlines"], ["\"q\"", "in\"side\"\""], ["last", "\u{e9}"],
                ])
            // Lines count, not records.
            #expect([0, 1, 2].map { set.place($0).line } == [2, 4, 5])
            let error = #expect(throws: DataError.self) {
                try folder.write("y.csv", "a,b\nc,\"d\ne,f\n")
                _ = try folder.open("y.csv", .csv)
            }
            #expect(error?.description.contains("y.csv:2: a quote opens here") == true)
        }
    }

    @Test func badRowsOfTables() throws {
        let rows: [([UInt8], String)] = [
            (Array("only one".utf8), "has 1 column"), (Array("\tx".utf8), "query is empty"),
            (Array("x\t".utf8), "positive is empty"), ([0x61, 0xff, 9, 0x62], "UTF-8"),
        ]
        try DataFolder.with { folder in
            for (row, reason) in rows {
                try folder.write("x.tsv", Array("a\tb\n".utf8) + row + Array("\nc\td\n".utf8))
                let set = try folder.open("x.tsv", .tsv)
                #expect(set.rows.count == 2 && set.bad.first?.place.line == 2)
                #expect(set.bad.first?.reason.contains(reason) == true, "\(set.bad)")
            }
            try folder.write("x.csv", "a,b\n\"c\"d,e\nf,g\n")
            #expect(try folder.open("x.csv", .csv).bad.first?.reason.contains("closing quote") == true)
            try folder.write("wide.tsv", [0xff, 0xfe, 0x61, 0])
            #expect(throws: DataError.self) { try folder.open("wide.tsv", .tsv) }
        }
    }

    // MARK: - Folders

    @Test func foldersOfClasses() throws {
        try DataFolder.with { folder in
            for (name, seed) in [("grey_cat/b.bmp", 1), ("grey_cat/a.bmp", 2), ("dog/deep/c.bmp", 3)]
                as [(String, UInt64)]
            {
                try folder.write(name, Made.picture(seed: seed))
            }
            try folder.write("dog/notes.txt", "no picture")
            try folder.write("dog/.hidden.bmp", "x")
            let set = try folder.open("", .folder)
            #expect(set.ignoredCount == 1)
            #expect(
                try set.texts == [
                    ["dog", "@dog/deep/c.bmp"], ["grey cat", "@grey_cat/a.bmp"], ["grey cat", "@grey_cat/b.bmp"],
                ])
            let swapped = try folder.open("", .folder) {
                $0.swapped = true
                $0.templates = ["a photo of a {class}"]
            }
            #expect(try swapped.texts[0] == ["@dog/deep/c.bmp", "a photo of a dog"])
        }
        try DataFolder.with { folder in
            #expect(throws: DataError.self) { try folder.open("", .folder) }
        }
    }

    /// Name of a captions file, its text, and whether it is understood as two captions for a and one for b.
    private static let captionFiles: [(name: String, text: String)] = [
        ("captions.txt", "a.bmp#0\tred\na.bmp#1\tred square\nb.bmp#0\tblue, dark\n"),
        ("captions.txt", "image,caption\na.bmp,red\na.bmp,red square\nb.bmp,\"blue, dark\"\n"),
        ("captions.tsv", "a.bmp\tred\tred square\r\nb.bmp\tblue, dark\t\r\n"),
        ("metadata.csv", "file_name,license,text\na.bmp,x,red\nb.bmp,x,\"blue, dark\"\na.bmp,x,red square\n"),
        (
            "captions.jsonl",
            """
            {"file": "a.bmp", "captions": ["red", "red square"], "license": "x"}
            {"image": "b.bmp", "caption": "blue, dark"}
            """
        ),
    ]

    @Test(arguments: captionFiles.indices) func foldersWithCaptions(index: Int) throws {
        let (name, text) = Self.captionFiles[index]
        try DataFolder.with { folder in
            try folder.write("a.bmp", Made.picture(seed: 1))
            try folder.write("b.bmp", Made.picture(seed: 2))
            try folder.write(name, text)
            let set = try folder.open("", .folder)
            #expect(set.rows.count == 2 && set.bad.isEmpty, "\(set.bad)")
            #expect(try set.texts == [["red", "@a.bmp"], ["blue, dark", "@b.bmp"]] || set.texts[0][1] == "@a.bmp")
            let drawn = try Set((0..<64).map { try set.sample(0, draw: $0).query.text })
            #expect(drawn == ["red", "red square"])
            #expect(try set.sample(1, draw: 7).query.text == "blue, dark")
        }
    }

    @Test func captionsOfMissingFilesAreBad() throws {
        try DataFolder.with { folder in
            try folder.write("a.bmp", Made.picture(seed: 1))
            let path = try folder.write("captions.tsv", "a.bmp\tred\nno.bmp\tblue\n")
            let set = try folder.open("", .folder)
            #expect(set.rows.count == 1)
            #expect(set.bad.first?.place == DataPlace(path: path, line: 2))
            try folder.write("captions.tsv", "a.bmp\tred\nb.bmp\n")
            #expect(try folder.open("", .folder).bad.first?.reason == "has 1 of 2 columns")
        }
    }

    // MARK: - Teachers

    @Test func teachersFromASideFile() throws {
        try DataFolder.with { folder in
            try folder.write("x.tsv", "a\tb\nc\td\n")
            let vectors = try folder.write("v.npy", Made.numpy(shape: "(2, 3)", Made.floats([1, 2, 3, 4, 5, 6])))
            let halves = try folder.write(
                "h.npy",
                Made.numpy(type: "<f2", shape: "(2, 2)", [1, -2, 0.5, 65504].flatMap { Made.little(halfBits($0)) }))
            let set = try folder.open("x.tsv", .tsv) {
                $0.queryTeacher = vectors
                $0.positiveTeacher = halves
            }
            #expect(try set.sample(1).queryTeacher == [4, 5, 6] && set.sample(1).positiveTeacher == [0.5, 65504])
            let queries = try folder.open("x.tsv", .tsv) {
                $0.queryTeacher = vectors
                $0.positive = nil
            }
            #expect(!queries.hasPositives && queries.queryTeacherDimensions == 3)

            let wrong: [([UInt8], String)] = [
                (Made.numpy(shape: "(3, 3)", Made.floats([Float](repeating: 0, count: 9))), "3 vectors for 2 samples"),
                (Made.numpy(shape: "(2, 3)", Made.floats([1])), "the file is shorter"),
                (Made.numpy(shape: "(1, 9223372036854775807)", []), "the file is shorter"),
                (Made.numpy(shape: "(9223372036854775807, 2)", []), "the file is shorter"),
                (Made.numpy(type: "<f8", shape: "(2, 3)", []), "<f8"), (Made.numpy(shape: "(6,)", []), "shape [6]"),
                (Made.numpy(shape: "(2, 3)", order: "True", Made.floats([1, 2, 3, 4, 5, 6])), "Fortran"),
                (Array("no numpy at all".utf8), "not a NumPy file"),
            ]
            for (bytes, reason) in wrong {
                let path = try folder.write("w.npy", bytes)
                let error = #expect(throws: DataError.self) {
                    try folder.open("x.tsv", .tsv) { $0.queryTeacher = path }
                }
                #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
            }
            let broken = try folder.write("n.npy", Made.numpy(shape: "(2, 1)", Made.floats([.nan, 1])))
            #expect(try folder.open("x.tsv", .tsv) { $0.queryTeacher = broken }.bad.first?.place.line == 1)
        }
    }

    // MARK: - Validation split

    @Test func splitStaysWhenRowsAreAdded() throws {
        try DataFolder.with { folder in
            let path = try folder.pairs(2_000)
            let set = try folder.open("pairs.tsv", .tsv) { $0.heldOut = 0.1 }
            #expect(set.training.count + set.heldOut.count == 2_000)
            // Three standard deviations of a binomial distribution.
            #expect(abs(set.heldOut.count - 200) < 40)
            let before = try Set(set.heldOut.map { try set.sample(Int($0)).query.text })
            let text = String(decoding: try Folders.read(path), as: UTF8.self)
            try folder.write("more.tsv", "new\trow\n" + text + (0..<500).map { "other \($0)\tx\n" }.joined())
            let more = try folder.open("more.tsv", .tsv) { $0.heldOut = 0.1 }
            let after = try Set(more.heldOut.map { try more.sample(Int($0)).query.text })
            #expect(after.filter { $0.hasPrefix("query") } == before)
        }
    }

    @Test func openingDoesNotDependOnThreads() throws {
        try DataFolder.with { folder in
            let source = DataSource(path: try folder.pairs(3_000), format: .tsv)
            let sets = try [1, 2, 3].map { try DataSet(source, pool: WorkerPool(threads: $0)) }
            #expect(Set(sets.map(\.fingerprint)).count == 1 && sets[0].rows == sets[2].rows)
        }
    }

    /// By their first bytes, whatever the name says.
    @Test(arguments: [
        ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] as [UInt8], "xz -dk"), ([0x1f, 0x8b, 0x08, 0x00], "gunzip -k"),
        ([0x28, 0xb5, 0x2f, 0xfd], "zstd -d"), (Array("BZh9".utf8) + [0x17, 0x90], "bunzip2 -k"),
        ([0x50, 0x4b, 0x03, 0x04], "unzip"),
    ])
    func compressedDataAreNamed(start: [UInt8], command: String) throws {
        try DataFolder.with { folder in
            let path = try folder.write("pairs.tsv", start + [0, 1, 2, 3])
            let error = #expect(throws: DataError.self) { try folder.open("pairs.tsv", .tsv) }
            #expect(
                error?.description.contains(
                    "is compressed, and only plain files are read: unpack it with `\(command) \(path)`")
                    == true, "\(String(describing: error))")
        }
    }

    @Test func textsThatBeginLikeAnArchiveAreTexts() throws {
        try DataFolder.with { folder in
            try folder.write("pairs.tsv", "BZhang\tPK\nPK\tBZh\n")
            #expect(try folder.open("pairs.tsv", .tsv).rows.count == 2)
        }
    }

    /// The hash of a JSONL with pictures is that of the pictures, too.
    @Test func theHashCoversWhatTheDataName() throws {
        try DataFolder.with { folder in
            let line =
                "{\"query\": {\"parts\": [{\"text\": \"a\"}]}, \"positive\": {\"parts\": [{\"fileData\": {\"fileUri\": \"p.bmp\"}}]}}"
            try folder.write("pairs.jsonl", line + "\n")
            try folder.write("p.bmp", Made.picture(seed: 1))
            let first = try DataDigest.of(folder.open("pairs.jsonl", .jsonl))
            #expect(try DataDigest.of(folder.open("pairs.jsonl", .jsonl)) == first)
            try folder.write("p.bmp", Made.picture(seed: 2))
            #expect(try DataDigest.of(folder.open("pairs.jsonl", .jsonl)) != first)
            // Texts alone: what sha256sum says.
            let texts = try folder.write("t.tsv", "a\tb\n")
            #expect(try DataDigest.of(folder.open("t.tsv", .tsv)) == DataDigest.of(path: texts))
            #expect(
                try DataDigest.of(path: texts) == "5dd1197866f479824d9b483e1b7ae9ad3e518f3b4fd447c6b92d127dda6178c5")
            try folder.write("t.npy", Made.numpy(shape: "(1, 2)", Made.floats([1, 2])))
            let taught = try folder.open("t.tsv", .tsv) { $0.queryTeacher = "\(folder.path)/t.npy" }
            #expect(try DataDigest.of(taught) != DataDigest.of(path: texts))
        }
    }
}
