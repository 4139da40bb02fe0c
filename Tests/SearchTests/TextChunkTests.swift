import Search
import Testing

@Suite struct TextChunkTests {
    private let options: TextChunks.Options = {
        var options = TextChunks.Options()
        (options.bytes, options.overlapBytes) = (200, 60)
        return options
    }()

    private func chunks(_ text: String, _ kind: TextKind) -> [TextChunks.Chunk] {
        TextChunks(options).chunks(of: text, as: kind)
    }

    private static let words = [
        "stone", "river", "tree", "house", "engine", "market", "winter", "song", "naïve", "日本語",
    ]

    /// Paragraphs of some sentences; every word stands there with its number, so that it is found once.
    private static let prose: String = {
        var number = 0
        var paragraphs: [String] = []
        for paragraph in 0..<40 {
            var sentences: [String] = []
            for _ in 0...paragraph % 5 {
                var sentence: [String] = []
                for _ in 0..<9 {
                    number += 1
                    sentence.append("\(words[number % words.count])\(number)")
                }
                sentences.append(sentence.joined(separator: " ") + ".")
            }
            paragraphs.append(sentences.joined(separator: paragraph % 3 == 0 ? "\n" : " "))
        }
        return paragraphs.joined(separator: "\n\n")
    }()

    @Test(arguments: [TextKind.plain, .source, .markdown]) func nothingIsLost(_ kind: TextKind) {
        let chunks = chunks(Self.prose, kind)
        let words = Set(chunks.flatMap { $0.own.split(whereSeparator: \.isWhitespace) })
        #expect(words == Set(Self.prose.split(whereSeparator: \.isWhitespace)))
        #expect(chunks.allSatisfy { $0.own.utf8.count <= 200 + 60 + 2 })
        #expect(chunks.count > 20)
    }

    /// What a piece says stands in the lines that it names.
    @Test func linesAreThoseOfTheFile() throws {
        let lines = Self.prose.split(separator: "\n", omittingEmptySubsequences: false)
        for chunk in chunks(Self.prose, .plain) {
            guard case .lines(let range) = chunk.place else {
                Issue.record("\(chunk.place)")
                continue
            }
            let there = lines[(range.lowerBound - 1)...(range.upperBound - 1)].joined(separator: "\n")
            for word in chunk.own.split(whereSeparator: \.isWhitespace) {
                #expect(there.contains(word), "\(word) is not in lines \(range)")
            }
            let first = try #require(chunk.own.split(whereSeparator: \.isWhitespace).first)
            #expect(lines[range.lowerBound - 1].contains(first))
        }
    }

    @Test func neighboursOverlap() {
        let chunks = chunks(Self.prose, .plain)
        let shared = zip(chunks, chunks.dropFirst()).count { a, b in
            let last = a.own.split(whereSeparator: \.isWhitespace).last ?? ""
            return b.own.split(whereSeparator: \.isWhitespace).contains(last)
        }
        #expect(shared > chunks.count / 2, "\(shared) of \(chunks.count)")
    }

    @Test func aSectionHasItsHeadings() {
        let text = """
            # Animals

            About them all.

            ## Dogs ##

            They bark.

            ```
            # no heading

            code
            ```

            Cats
            ----
            They purr.

            # Empty
            """
        let found = chunks(text, .markdown)
        #expect(
            found.map(\.text) == [
                "Animals\nAbout them all.", "Animals > Dogs\nThey bark.\n```\n# no heading\n\ncode\n```",
                "Animals > Cats\nThey purr.", "Empty",
            ])
        #expect(found.map(\.place) == [.lines(3...3), .lines(7...13), .lines(17...17), .lines(19...19)])
    }

    /// Headings without a text make no pieces that would be nearest to everything: they stand with what is under them, or with each other.
    @Test func headingsAlone() {
        let found = chunks(
            "# Bike\n\n## Chain\n\nOil it.\n\n## Tyres\n\n## Bell\n\n# Taxes\n\nIn July.\n\n# Rest\n", .markdown)
        #expect(found.map(\.text) == ["Bike > Chain\nOil it.", "Bike > Tyres\nBike > Bell", "Taxes\nIn July.", "Rest"])
        #expect(found.map(\.own) == ["Oil it.", "Tyres\nBell", "In July.", "Rest"])
        #expect(found.map(\.place) == [.lines(5...5), .lines(7...9), .lines(13...13), .lines(15...15)])
    }

    /// The title of a page is above its headings; what programs read at the top of Markdown is no text.
    @Test func titles() {
        let page = "<title>Shop</title><h1>Bikes</h1><p>Cheap.</p><h1>Bells</h1><p>Loud.</p>"
        #expect(chunks(page, .html).map(\.text) == ["Shop > Bikes\nCheap.", "Shop > Bells\nLoud."])
        let post = "---\ntitle: \"Sourdough\"\ntags: [bread]\n---\n# Starter\n\nFlour.\n"
        #expect(chunks(post, .markdown).map(\.text) == ["Sourdough > Starter\nFlour."])
        #expect(chunks(post, .markdown)[0].place == .lines(7...7))
        let rules = "---\n\nOne.\n\n---\nTwo.\n"
        #expect(chunks(rules, .markdown).map(\.own).joined().contains("One."))
        #expect(chunks("---\ntags: x\n---\nText.\n", .markdown).map(\.own) == ["Text."])
        #expect(chunks("---\nnever ended\n", .markdown).map(\.own) == ["---\nnever ended"])
    }

    @Test func oneLongLine() {
        let line = (0..<500).map { "word\($0)" }.joined(separator: " ")
        let found = chunks(line, .plain)
        #expect(found.allSatisfy { $0.place == .lines(1...1) && $0.own.utf8.count <= 262 })
        #expect(Set(found.flatMap { $0.own.split(separator: " ") }).count == 500)
        let unbroken = String(repeating: "é", count: 1_000)
        #expect(chunks(unbroken, .plain).map(\.own).joined() == unbroken)
    }

    @Test func pagesOfTheWeb() {
        let page = """
            <!DOCTYPE html><html><head><title>Boats &amp; ships</title>
            <style>p { color: red }</style><script>if (a < b) { "</p>" }</script></head>
            <body><!-- <p>not this</p> --><h2>Sails</h2><p>Wind <b>alo</b>ne
            moves them.<p>A &lt; B, &#233;, &#x65E5;</body>
            """
        let found = chunks(page, .html)
        #expect(found.map(\.text) == ["Boats & ships > Sails\nWind alone moves them.\nA < B, é, 日"])
        #expect(found.last?.place == .lines(3...4))
        // Whatever it is, it ends.
        for broken in ["<", "<p", "<p a='", "&", "&#;", "&#x110000;", "<!--", "<script>", "</", "<h1>a</h2>b"] {
            _ = chunks(broken, .html)
        }
    }

    @Test func subtitles() {
        let srt =
            "1\r\n00:00:01,500 --> 00:00:04,000\r\n<i>Good</i> evening.\r\n\r\n2\r\n00:00:25,000 --> 00:00:29,250\r\nRain,\r\nand snow.\r\n"
        #expect(chunks(srt, .subtitles).map(\.own) == ["Good evening.\nRain, and snow."])
        #expect(chunks(srt, .subtitles)[0].place == .seconds(1.5..<29.25))
        let vtt = "WEBVTT\n\nNOTE a remark\n\nintro\n00:03.000 --> 00:05.000 align:left\n<v Ann>Hello there\n"
        #expect(chunks(vtt, .subtitles).map(\.own) == ["Hello there"])
        #expect(chunks("no cues at all", .subtitles) == [])
        // Whatever the times are, what is said stays.
        let odd = "00:05,000 --> 00:03,000\nI <3 dogs {and\n\n00:00:06:12 --> 00:00:07:00\n<b>cats</b>\n"
        #expect(chunks(odd, .subtitles).map(\.own) == ["I <3 dogs {and\ncats"])
        let unsorted = "00:10.000 --> 00:11.000\nlast\n\n00:01.000 --> 00:02.000\nfirst\n"
        #expect(chunks(unsorted, .subtitles).map(\.place) == [.seconds(10..<11), .seconds(1..<2)])
        let spanning =
            "00:00.000 --> 10:00.000\na song\n\n00:10.000 --> 00:11.000\nwords\n\n05:00.000 --> 05:01.000\nmore\n"
        #expect(chunks(spanning, .subtitles).map(\.place) == [.seconds(0..<600)])
        // What is said minutes later is about something else.
        let late = srt + "\n3\n00:03:00,000 --> 00:03:01,000\nGood night.\n"
        #expect(chunks(late, .subtitles).map(\.own) == ["Good evening.\nRain, and snow.", "Good night."])
        #expect(chunks(late, .subtitles)[1].place == .seconds(180..<181))
    }

    @Test func nothing() {
        for kind in TextKind.allCases { #expect(chunks(" \n\t\n ", kind) == []) }
    }
}

@Suite struct IgnoreRulesTests {
    /// From the manual of .gitignore.
    @Test(
        arguments: [
            ("*.o", "a.o", false, true), ("*.o", "x/y/a.o", false, true), ("*.o", "a.c", false, nil),
            ("/a.txt", "a.txt", false, true), ("/a.txt", "x/a.txt", false, nil), ("build/", "build", true, true),
            ("build/", "build", false, nil), ("build/", "x/build", true, true), ("x/build", "x/build", true, true),
            ("x/build", "y/x/build", true, nil), ("**/foo", "foo", false, true), ("**/foo", "a/b/foo", false, true),
            ("abc/**", "abc/x/y", false, true), ("abc/**", "abc", true, nil), ("a/**/b", "a/b", false, true),
            ("a/**/b", "a/x/y/b", false, true), ("a/*/b", "a/x/y/b", false, nil), ("f?o", "foo", false, true),
            ("f?o", "f/o", false, nil), ("[a-c]x", "bx", false, true), ("[!a-c]x", "bx", false, nil),
            ("[!a-c]x", "dx", false, true),
            ("#x", "#x", false, nil), ("\\#x", "#x", false, true), ("\\!x", "!x", false, true),
            ("a\\*", "a*", false, true),
            ("a\\*", "ab", false, nil), ("a ", "a", false, true), ("a\\ ", "a ", false, true),
            ("[a", "[a", false, true),
            ("[]]x", "]x", false, true),
        ] as [(String, String, Bool, Bool?)])
    func oneRule(_ rule: String, _ path: String, _ isFolder: Bool, _ expected: Bool?) {
        #expect(IgnoreRules(rule.utf8).verdict(Array(path.utf8), isFolder: isFolder) == expected)
    }

    @Test func theLastRuleDecides() {
        let rules = IgnoreRules("# notes\r\n*.log\r\n!keep.log\n\nkeep.log.bak\n".utf8)
        #expect(rules.verdict(Array("a.log".utf8), isFolder: false) == true)
        #expect(rules.verdict(Array("x/keep.log".utf8), isFolder: false) == false)
        #expect(rules.verdict(Array("a.txt".utf8), isFolder: false) == nil)
    }

    /// Stars that could be tried in every combination.
    @Test func costlyPatternsEnd() {
        let pattern = String(repeating: "a*", count: 60) + "b"
        #expect(
            IgnoreRules(pattern.utf8).verdict(Array(repeating: UInt8(ascii: "a"), count: 5_000), isFolder: false) == nil
        )
        let deep = String(repeating: "**/a/", count: 20) + "b"
        let path = Array(Array(repeating: "a", count: 500).joined(separator: "/").utf8)
        #expect(IgnoreRules(deep.utf8).verdict(path, isFolder: false) == nil)
    }
}
