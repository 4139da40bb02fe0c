import Castor
import FoundationEssentials
import Glibc
import Search
import TestSupport
import Testing

/// Pictures with what files beside them say.
@Suite struct CaptionTests {
    private static let embedder = try! Embedder(modelPath: Folders.nano)
    private static let identity = try! ModelIdentity(embedder)

    private func write(_ text: String, _ path: String, age: Int = 1_000) throws {
        try Folders.write(Array(text.utf8), path)
        var times = [timeval(tv_sec: time(nil) - age, tv_usec: 0), timeval(tv_sec: time(nil) - age, tv_usec: 0)]
        utimes(path, &times)
    }

    private func copyPicture(_ name: String, to path: String) throws {
        try FileManager.default.copyItem(atPath: "\(Folders.fixtures)/media/\(name)", toPath: path)
        var times = [timeval(tv_sec: time(nil) - 1_000, tv_usec: 0), timeval(tv_sec: time(nil) - 1_000, tv_usec: 0)]
        utimes(path, &times)
    }

    private func index(_ folder: String, into path: String, captions: Bool? = nil) throws -> IndexSummary {
        let writer = try IndexWriter(path: path, model: Self.identity)
        defer { writer.close() }
        if let captions { try writer.remember(takesCaptions: captions) }
        return try Indexer(Self.embedder, writer).run(roots: [try #require(RawPath(folder).resolved)])
    }

    /// Name of the file, medium and snippet of each item.
    private func items(_ path: String) throws -> [String] {
        var lines: [String] = []
        try IndexReader(path: path, pool: pool).forEachItem { hit, _ in
            lines.append("\(String(decoding: hit.path.name, as: UTF8.self)) \(hit.medium) \(hit.snippet)")
        }
        return lines.sorted()
    }

    private func vector(_ path: String, _ name: String) throws -> [Float] {
        var found: [Float] = []
        try IndexReader(path: path, pool: pool).forEachItem { hit, vector in
            if String(decoding: hit.path.name, as: UTF8.self) == name { found = vector }
        }
        return found
    }

    @Test func whichBelongTogether() throws {
        try Folders.withTemporary { folder in
            let files = "\(folder)/files"
            try FileManager.default.createDirectory(atPath: files, withIntermediateDirectories: true)
            for name in ["a.jpg", "b.jpg", "c.JPG", "d.jpg", "e.jpg"] {
                try copyPicture("scene.jpg", to: "\(files)/\(name)")
            }
            try write("a boat", "\(files)/a.txt")
            try write("not this one", "\(files)/b.txt")
            try write("two boats", "\(files)/b.jpg.txt")
            try write("three\n boats", "\(files)/c.caption")
            try write(
                """
                <x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description dc:format="image/jpeg">
                <dc:description><rdf:Alt><rdf:li xml:lang="x-default">four boats &amp; a buoy</rdf:li></rdf:Alt></dc:description>
                <dc:subject><rdf:Bag><rdf:li>sea</rdf:li><rdf:li>harbour</rdf:li></rdf:Bag></dc:subject>
                </rdf:Description></rdf:RDF></x:xmpmeta>
                """, "\(files)/d.xmp")
            try write("a text of its own", "\(files)/note.txt")
            let path = "\(folder)/index"
            #expect(try index(files, into: path, captions: true).problems.isEmpty)
            #expect(
                try items(path) == [
                    "a.jpg image a boat", "b.jpg image two boats", "b.txt text not this one", "c.JPG image three boats",
                    "d.jpg image four boats & a buoy sea, harbour", "e.jpg image ", "note.txt text a text of its own",
                ])
            // One content of both.
            let picture = try Part.data(ByteSource(Folders.read("\(Folders.fixtures)/media/scene.jpg")), mimeType: nil)
            let both = try Self.embedder.embed(Content([picture, .text("a boat")])).values
            let found = try vector(path, "a.jpg")
            #expect(zip(both, found).map { abs($0 - $1) }.max()! < 1e-3)
            #expect(try index(files, into: path).unchanged == 7)
        }
    }

    @Test(arguments: [
        (#"<rdf:Description dc:format="image/jpeg" dc:description="a &lt;boat&gt;" dc:title='one'/>"#, "one a <boat>"),
        ("<dc:title><rdf:Alt><rdf:li><![CDATA[R&D <b>]]></rdf:li></rdf:Alt></dc:title>", "R&D <b>"),
        ("<dc:title><![CDATA[never ended</dc:title>", ""), ("<x dc:title=\"never ended", ""),
        ("<rdf:Description\n\tdc:title = \"one\"/>", "one"), ("<dc:title xml:lang=\"en\">one</dc:title>", "one"),
        ("<!-- <dc:title>not this</dc:title> --><dc:title>this</dc:title>", "this"),
        ("<x dc:title='one'><dc:title></dc:title><dc:title/></x>", "one"), ("<dc:titles>x</dc:titles><!-- <", ""),
        ("<dc:title>\u{301}x</dc:title>", "\u{301}x"),
        // Flags, of which each may part differently by all before it.
        ("<dc:title>dog</dc:title><x>" + String(repeating: "\u{1F1E6}", count: 1 << 16) + "</x>", "dog"),
        ("<x dc:title=bare/>", ""),
    ]) func extensibleMetadata(xmp: String, says: String) throws {
        try Folders.withTemporary { folder in
            let files = "\(folder)/files"
            try FileManager.default.createDirectory(atPath: files, withIntermediateDirectories: true)
            try copyPicture("scene.jpg", to: "\(files)/a.jpg")
            try write(xmp, "\(files)/a.xmp")
            _ = try index(files, into: "\(folder)/index", captions: true)
            #expect(try items("\(folder)/index").first == "a.jpg image \(says)")
        }
    }

    /// Who wants a caption forgotten is told where it is.
    @Test func captionsAreKnownByTheirPictures() throws {
        try Folders.withTemporary { folder in
            let files = "\(folder)/files"
            try FileManager.default.createDirectory(atPath: files, withIntermediateDirectories: true)
            try copyPicture("scene.jpg", to: "\(files)/a.jpg")
            try write("a boat", "\(files)/a.txt")
            _ = try index(files, into: "\(folder)/index", captions: true)
            let writer = try IndexWriter(path: "\(folder)/index", model: Self.identity)
            let (picture, text) = (
                try #require(RawPath("\(files)/a.jpg").resolved), try #require(RawPath("\(files)/a.txt").resolved)
            )
            #expect(try writer.pictures(ofCaptions: [text, picture]) == [text: picture])
            #expect(try writer.remove([text]).isEmpty)
        }
    }

    /// A caption that changes, goes or comes changes the picture's item; asked for no more, captions are texts again.
    @Test func whatChanges() throws {
        try Folders.withTemporary { folder in
            let (files, path) = ("\(folder)/files", "\(folder)/index")
            try FileManager.default.createDirectory(atPath: files, withIntermediateDirectories: true)
            try copyPicture("scene.jpg", to: "\(files)/a.jpg")
            try copyPicture("gray.jpg", to: "\(files)/b.jpg")
            try write("a boat", "\(files)/a.txt")
            #expect(try index(files, into: path).items == 3)
            #expect(try items(path) == ["a.jpg image ", "a.txt text a boat", "b.jpg image "])
            var summary = try index(files, into: path, captions: true)
            #expect(summary.changed == 1 && summary.removed == 1 && summary.items == 1 && summary.unchanged == 1)
            try write("a ship", "\(files)/a.txt", age: 500)
            try write("gray", "\(files)/b.jpg.caption")
            summary = try index(files, into: path)
            #expect(summary.changed == 2 && summary.items == 2)
            #expect(try items(path) == ["a.jpg image a ship", "b.jpg image gray"])
            // Both moved: known again.
            rename("\(files)/a.jpg", "\(files)/z.jpg")
            rename("\(files)/a.txt", "\(files)/z.txt")
            summary = try index(files, into: path)
            #expect(summary.moved == 1 && summary.items == 0)
            unlink("\(files)/z.txt")
            summary = try index(files, into: path)
            #expect(summary.changed == 1 && summary.items == 1)
            #expect(try items(path) == ["b.jpg image gray", "z.jpg image "])
            summary = try index(files, into: path, captions: false)
            #expect(try items(path) == ["b.jpg image ", "b.jpg.caption text gray", "z.jpg image "])
            #expect(try index(files, into: path).unchanged == 3)
        }
    }

    /// What is no text is told of, and the picture is there.
    @Test func captionsThatAreNone() throws {
        try Folders.withTemporary { folder in
            let (files, path) = ("\(folder)/files", "\(folder)/index")
            try FileManager.default.createDirectory(atPath: files, withIntermediateDirectories: true)
            for name in ["a", "b", "c"] { try copyPicture("scene.jpg", to: "\(files)/\(name).jpg") }
            try Folders.write([0, 1, 2, 0xFF], "\(files)/a.txt")
            try write("", "\(files)/b.txt")
            try Folders.write([UInt8](repeating: 65, count: 2 << 20), "\(files)/c.txt")
            let summary = try index(files, into: path, captions: true)
            #expect(summary.problems == [.tooLarge: 1, .damaged: 1, .unrecognised: 1])
            // The long one can be found by itself.
            let found = try items(path)
            #expect(found.prefix(3) == ["a.jpg image ", "b.jpg image ", "c.jpg image "])
            #expect(found.count > 3 && found[3...].allSatisfy { $0.hasPrefix("c.txt text AAA") })
            // With the caption goes what was wrong with it, and comes with it.
            func problems() throws -> [Problem.Reason: Int] {
                try IndexReader(path: path, pool: pool).statistics().problems
            }
            unlink("\(files)/a.txt")
            #expect(try index(files, into: path).problems == [.tooLarge: 1])
            #expect(try problems() == [.tooLarge: 1])
            try Folders.write([0, 1], "\(files)/b.txt")
            _ = try index(files, into: path)
            #expect(try problems() == [.tooLarge: 1, .damaged: 1, .unrecognised: 1])
        }
    }

    /// A text beside something that is no picture, or none that can be shown, is found by itself; nothing is lost by its name.
    @Test func whatNoPictureTakesIsATextOfItsOwn() throws {
        try Folders.withTemporary { folder in
            let (files, path) = ("\(folder)/files", "\(folder)/index")
            try FileManager.default.createDirectory(atPath: "\(files)/trip.jpg", withIntermediateDirectories: true)
            try write("days of a trip", "\(files)/trip.txt")
            try write("no picture", "\(files)/list.jpg")
            try write("beside a text", "\(files)/list.txt")
            try Folders.write([], "\(files)/empty.jpg")
            try write("beside nothing", "\(files)/empty.txt")
            let picture = try Folders.read("\(Folders.fixtures)/media/scene.jpg")
            try Folders.write(Array(picture.prefix(200)), "\(files)/half.jpg")
            try write("beside half a picture", "\(files)/half.jpg.txt")
            try copyPicture("scene.jpg", to: "\(files)/IMG.JPG")
            try write("a boat", "\(files)/IMG.TXT")
            let expected = [
                "IMG.JPG image a boat", "empty.txt text beside nothing", "half.jpg.txt text beside half a picture",
                "list.jpg text no picture", "list.txt text beside a text", "trip.txt text days of a trip",
            ]
            var summary = try index(files, into: path, captions: true)
            #expect(summary.problems == [.damaged: 1, .empty: 1] && summary.added == 6)
            #expect(try items(path) == expected)
            summary = try index(files, into: path)
            #expect(summary.unchanged == 8 && !summary.isChange)
            // The picture is mended: its text goes to it, and comes back when it breaks again.
            try Folders.write(picture, "\(files)/half.jpg")
            summary = try index(files, into: path)
            #expect(summary.joined == 1 && summary.removed == 1)
            #expect(try items(path).filter { $0.hasPrefix("half") } == ["half.jpg image beside half a picture"])
            try Folders.write(Array(picture.prefix(300)), "\(files)/half.jpg")
            summary = try index(files, into: path)
            #expect(try items(path) == expected)
        }
    }

    /// One picture by several names in one folder, each with a text beside it.
    @Test func linksToOnePicture() throws {
        try Folders.withTemporary { folder in
            let (files, path) = ("\(folder)/files", "\(folder)/index")
            try FileManager.default.createDirectory(atPath: files, withIntermediateDirectories: true)
            try copyPicture("scene.jpg", to: "\(files)/b.jpg")
            symlink("b.jpg", "\(files)/a.jpg")
            try write("by the link", "\(files)/a.txt")
            try write("by its name", "\(files)/b.txt")
            let expected = ["a.jpg image by the link", "b.txt text by its name"]
            _ = try index(files, into: path, captions: true)
            #expect(try items(path) == expected)
            #expect(try !index(files, into: path).isChange)
            #expect(try items(path) == expected)
        }
    }

    /// A text that was asked for by name stays, whichever of the two is looked through.
    @Test func aTextThatWasNamed() throws {
        try Folders.withTemporary { folder in
            let (files, path) = ("\(folder)/files", "\(folder)/index")
            try FileManager.default.createDirectory(atPath: files, withIntermediateDirectories: true)
            try copyPicture("scene.jpg", to: "\(files)/a.jpg")
            try write("a boat", "\(files)/a.txt")
            let roots = try [files, "\(files)/a.txt"].map { try #require(RawPath($0).resolved) }
            let writer = try IndexWriter(path: path, model: Self.identity)
            defer { writer.close() }
            try writer.remember(takesCaptions: true)
            try writer.remember(roots: roots)
            for _ in 0..<2 {
                for roots in [roots, [roots[0]]] {
                    #expect(try Indexer(Self.embedder, writer).run(roots: roots).removed == 0)
                    #expect(try items(path) == ["a.jpg image a boat", "a.txt text a boat"])
                }
            }
        }
    }

    /// One picture that is looked at alone, of a folder that was asked for: its text goes to it and comes back all the same.
    @Test func aPictureThatIsNamedAlone() throws {
        try Folders.withTemporary { folder in
            let (files, path) = ("\(folder)/files", "\(folder)/index")
            try FileManager.default.createDirectory(atPath: files, withIntermediateDirectories: true)
            try copyPicture("scene.jpg", to: "\(files)/a.jpg")
            try write("a boat", "\(files)/a.txt")
            let roots = try [files, "\(files)/a.jpg"].map { try #require(RawPath($0).resolved) }
            let writer = try IndexWriter(path: path, model: Self.identity)
            defer { writer.close() }
            try writer.remember(takesCaptions: true)
            try writer.remember(roots: [roots[0]])
            _ = try Indexer(Self.embedder, writer).run(roots: [roots[0]])
            let picture = try Folders.read("\(files)/a.jpg")
            try Folders.write(Array(picture.prefix(200)), "\(files)/a.jpg")
            _ = try Indexer(Self.embedder, writer).run(roots: [roots[1]])
            #expect(try items(path) == ["a.txt text a boat"])
            try Folders.write(picture, "\(files)/a.jpg")
            _ = try Indexer(Self.embedder, writer).run(roots: [roots[1]])
            #expect(try items(path) == ["a.jpg image a boat"])
        }
    }

    /// What nobody wants read is read by no way round.
    @Test func ignoredTextsStayUnread() throws {
        try Folders.withTemporary { folder in
            let (files, path) = ("\(folder)/files", "\(folder)/index")
            try FileManager.default.createDirectory(atPath: files, withIntermediateDirectories: true)
            try copyPicture("scene.jpg", to: "\(files)/a.jpg")
            try write("a secret", "\(files)/a.txt")
            try write("*.txt\n", "\(files)/.castorignore")
            for root in [files, "\(files)/a.jpg"] {
                _ = try index(root, into: path, captions: true)
                #expect(try items(path) == ["a.jpg image "])
            }
        }
    }
}
