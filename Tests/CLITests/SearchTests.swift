import Foundation
import Glibc
import TestSupport
import Testing

/// `castor index` and `castor search`, with castor-nano: what they say and how they end.
@Suite struct SearchCommandTests {
    private let folder: Workspace

    init() throws {
        folder = try Workspace()
        try folder.makeFolder("files")
        try folder.write("a sleepy kitten\n", "files/kitten.txt")
        try folder.write("# Boats\n\nThey sail.\n", "files/boats.md")
        try folder.copyMedia("scene.jpg", "chirp-16k.wav")
        for name in ["scene.jpg", "chirp-16k.wav"] {
            try FileManager.default.moveItem(atPath: "\(folder.path)/\(name)", toPath: "\(folder.path)/files/\(name)")
        }
    }

    private func castor(_ arguments: String..., model: String = CastorProgram.nano) throws -> CastorProgram.Outcome {
        try CastorProgram.run(
            arguments, in: folder, model: model,
            environment: ["CASTOR_INDEX": "\(folder.path)/index"])
    }

    private var files: String { "\(folder.path)/files" }

    @Test func indexAndSearch() throws {
        let indexed = try castor("index", files)
        #expect(indexed.status == 0 && indexed.text.isEmpty, "\(indexed.errors)")
        #expect(indexed.errors == "castor: 4 new; 4 items embedded\n")
        let found = try castor("search", "a sleepy kitten")
        #expect(found.status == 0)
        #expect(found.lines[0].contains("text") && found.lines[0].contains("kitten.txt  line 1"))
        #expect(found.lines[1].hasSuffix("a sleepy kitten"))
        let picture = try castor("search", "@\(files)/scene.jpg", "--format", "paths", "-n", "1")
        #expect(picture.text.hasSuffix("/files/scene.jpg\n"))
        #expect(
            try castor("search", "@\(files)/scene.jpg", "--type", "audio", "--format", "paths").text.hasSuffix(
                "chirp-16k.wav\n"))
        #expect(try castor("search", "@\(files)/scene.jpg", "--format", "paths", "-n1").text == picture.text)
        let all = try castor("search", "x", "--format", "paths", "-0")
        #expect(all.output.count { $0 == 0 } == 4 && !all.text.contains("\n"))
        #expect(try castor("search", "x", "--under", "\(files)/boats.md", "--format", "json").lines.count == 1)
        #expect(try castor("search", "x", "--since", "2100-01-01").errors == "castor: nothing was found\n")
        #expect(try castor("search", "x", "--threshold", "1").lines.isEmpty)
        #expect(try castor("index").errors.contains("0 items embedded"))
    }

    @Test func itemsAsJSON() throws {
        _ = try castor("index", files)
        struct Line: Decodable {
            var id: Int64
            var type: String
            var path: String
            var score: Double?
            var lines: [Int]?
            var values: [Double]?
        }
        let lines = try castor("search", "They sail.", "--format", "json").lines
            .map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
        #expect(lines.count == 4 && Set(lines.map(\.type)) == ["text", "image", "audio"])
        let boats = try #require(lines.first { $0.path.hasSuffix("boats.md") })
        #expect(boats.lines == [3, 3])
        #expect(zip(lines, lines.dropFirst()).allSatisfy { ($0.score ?? 0) >= ($1.score ?? 0) })
        let like = try castor("search", "--like", "\(boats.id)", "--format", "json").lines
        #expect(like.count == 3 && !like.contains { $0.contains("boats.md") })
        #expect(try castor("search", "--like", "99").status == 66)
        let exported = try castor("index", "--export", "jsonl").lines
            .map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
        #expect(exported.count == 4 && exported.allSatisfy { $0.values?.count == 3_072 })
        let npy = try castor("index", "--export", "npy").output
        #expect(npy.count == 128 + 4 * 3_072 * 4)
    }

    /// Nothing but a regular file is replaced, and none of the index's own.
    @Test func exportsReplaceNothingElse() throws {
        #expect(try castor("index", files).status == 0)
        #expect(symlink("target", "\(folder.path)/link") == 0)
        #expect(mkfifo("\(folder.path)/pipe", 0o600) == 0)
        for name in ["link", "pipe"] {
            let outcome = try castor("index", "--export", "jsonl", "-o", name)
            #expect(outcome.status == 73 && outcome.errors == "castor: \(name): is not a regular file\n")
        }
        for name in ["index/catalogue.sqlite", "index/new.npy", "./index/../index/other"] {
            let outcome = try castor("index", "--export", "npy", "-o", name)
            #expect(outcome.status == 64 && outcome.errors.hasSuffix("which is read\n"))
        }
        #expect(try castor("search", "kitten").status == 0)
        #expect(try castor("index", "--export", "npy", "-o", "vectors.npy").status == 0)
    }

    /// A picture and the text beside it are one item where that is asked for, and stay so until it is not.
    @Test func captions() throws {
        try folder.write("a castle by the sea\n", "files/scene.jpg.txt")
        #expect(try castor("index", "--captions", files).errors == "castor: 4 new; 4 items embedded\n")
        let found = try castor("search", "a castle by the sea", "--type", "image")
        #expect(found.lines.count == 2 && found.lines[1].hasSuffix("a castle by the sea"), "\(found.text)")
        #expect(try castor("index").errors.hasSuffix("; 0 items embedded\n"))
        #expect(try castor("index", "--rebuild").errors == "castor: 4 new; 4 items embedded\n")
        let apart = try castor("index", "--no-captions").errors
        #expect(apart.hasPrefix("castor: 1 new, 1 changed") && apart.hasSuffix("; 2 items embedded\n"), "\(apart)")
        #expect(try castor("index", "--captions", "--stats").status == 64)
    }

    /// What terminals draw pictures by; into a file or a pipe goes none unless asked.
    @Test func thumbnails() throws {
        _ = try castor("index", files)
        let query = ["search", "x", "--type", "image"]
        func found(_ options: [String], _ environment: [String: String] = [:]) throws -> String {
            try CastorProgram.run(
                query + options, in: folder, model: CastorProgram.nano,
                environment: ["CASTOR_INDEX": "\(folder.path)/index"].merging(environment) { $1 }
            ).text
        }
        let plain = try found([], ["TERM": "xterm-kitty"])
        let none = try found(["--thumbnails", "none"])
        #expect(!plain.contains("\u{1B}") && plain == none)
        let kitty = try found(["--thumbnails", "kitty"])
        #expect(
            kitty.hasPrefix(plain.prefix { $0 != "\n" } + "\n\u{1B}_Ga=T,q=2,f=24,s=") && kitty.hasSuffix("\u{1B}\\\n"))
        let sixel = try found(["--thumbnails", "sixel"])
        #expect(sixel.contains("\n\u{1B}P0;1;0q\"1;1;") && sixel.hasSuffix("-\u{1B}\\\n"))
        #expect(try castor("search", "x", "--thumbnails", "ascii").status == 64)
    }

    /// More and less of something move the query.
    @Test func arithmetic() throws {
        _ = try castor("index", files)
        let plain = try castor("search", "a sleepy kitten", "--format", "json", "-n", "1").text
        let less = try castor("search", "boats", "--less", "boats")
        #expect(less.status == 64 && less.errors.contains("nothing to look for"), "\(less.errors)")
        #expect(try castor("search", "--more", "2:a sleepy kitten", "--format", "json", "-n", "1").text == plain)
        // A time is no weight.
        let time = try castor("search", "--more", "10:30 at night", "--format", "json").text
        #expect(try time == castor("search", "10:30 at night", "--format", "json").text)
        let forgotten = try castor("search", "files/boats.md")
        #expect(forgotten.status == 0 && forgotten.errors.contains("files/boats.md is a file"), "\(forgotten.errors)")
    }

    @Test func whatIsThere() throws {
        try folder.write("", "files/empty.txt")
        _ = try castor("index", files)
        let statistics = try castor("index", "--stats")
        #expect(statistics.lines.contains { $0.hasPrefix("items") && $0.contains("2 text, 1 image, 1 audio") })
        let size = try #require(statistics.lines.first { $0.hasPrefix("on disk") })
        #expect(try #/on disk +[1-9][0-9]* kB/#.wholeMatch(in: size) != nil, "\(size)")
        #expect(try castor("index", "--problems").text.hasSuffix("/files/empty.txt: empty: no bytes\n"))
        // The folder above stays indexed, which has it still.
        let removed = try castor("index", "--remove", "\(files)/boats.md").errors
        #expect(removed.hasPrefix("castor: forgot 1 file\n") && removed.contains("/files stays indexed"), "\(removed)")
        let unknown = try castor("index", "--remove", "\(files)/none.md").errors
        #expect(unknown.contains("forgot 0 files\n") && unknown.contains("there was nothing of"), "\(unknown)")
        #expect(!(try castor("search", "x", "--format", "paths").text.contains("boats")))
    }

    /// What is advised is for the index that was named.
    @Test func adviceNamesTheIndex() throws {
        let missing = try castor("search", "x", "--index", "an index")
        #expect(missing.errors.hasSuffix("; castor index --index 'an index' PATH makes one\n"), "\(missing.errors)")
        try folder.write("", "files/empty.txt")
        let named = try castor("index", files, "--index", "other")
        #expect(
            named.errors.hasSuffix("left out, as castor index --index other --problems lists: 1 empty\n"),
            "\(named.errors)")
        #expect(try castor("index", files).errors.hasSuffix("left out, as castor index --problems lists: 1 empty\n"))
    }

    @Test func refusals() throws {
        #expect(try castor("search", "x").status == 66)
        // Nobody can make a folder there, and the kernel says that it is not there.
        #expect(try castor("index", files, "--index", "/proc/castor").status == 73)
        #expect(try castor("index").status == 64)
        #expect(try castor("index", "\(files)/nothing").status == 66)
        #expect(try castor("search").status == 64)
        #expect(try castor("index", "--stats", "--problems").status == 64)
        #expect(try castor("index", "--remove").status == 64)
        let nothing = try castor("index", "--index", "nowhere")
        #expect(nothing.status == 64 && nothing.errors.contains("castor index --index nowhere ~/Pictures"))
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/nowhere"))
        #expect(try castor("search", "x", "--type", "smell").status == 64)
        #expect(try castor("search", "x", "--since", "2026-02-31").status == 64)
    }

    /// What is asked for twice, or not there, or not meant so.
    @Test func whatIsAskedFor() throws {
        _ = try castor("index", files)
        let both = try castor("search", "x", "--type", "text", "--type", "audio", "--format", "json", "-n", "9")
        #expect(Set(both.lines.compactMap { $0.firstMatch(of: /"type":"(\w+)"/)?.1 }) == ["text", "audio"])
        let nowhere = try castor("search", "x", "--under", "\(files)/nothing")
        #expect(nowhere.status == 0 && nowhere.errors.contains("nothing at or below \(files)/nothing is indexed"))
        #expect(try castor("search", "x", "--under", "").status == 64)
        #expect(try castor("index", "--remove", "").status == 64)
        #expect(try castor("search", "-5 degrees").errors.contains("behind --"))
        #expect(try castor("search", "--", "-5 degrees").status == 0)
        #expect(try castor("search", "--open", "-n", "3", "x").status == 64)
        let missing = try castor("search", "x", "--more", "@none.png")
        #expect(missing.errors == "castor: --more: none.png: no such file\n")
        // By its bytes a text, whatever its name.
        try folder.write("def sail(boat):\n    pass\n", "fib.py")
        #expect(try castor("search", "@fib.py").status == 0)
    }

    /// Scripts see, too, what has become of a file.
    @Test func whatBecameOfFiles() throws {
        _ = try castor("index", files)
        try folder.remove("files/kitten.txt")
        try folder.write("# Ships\n", "files/boats.md")
        let table = try castor("search", "x", "--type", "text").text
        #expect(table.contains("kitten.txt  line 1  (not there now)"), "\(table)")
        #expect(table.contains("(changed since it was indexed)"), "\(table)")
        let lines = try castor("search", "x", "--type", "text", "--format", "json").lines
        #expect(Set(lines.compactMap { $0.firstMatch(of: /"fileNow":"(\w+)"/)?.1 }) == ["missing", "changed"])
    }

    /// A link is known by its own name, as search shows it.
    @Test func links() throws {
        try folder.makeFolder("out")
        try folder.write("far away\n", "out/far.txt")
        try FileManager.default.createSymbolicLink(atPath: "\(files)/link", withDestinationPath: "\(folder.path)/out")
        _ = try castor("index", files)
        let found = try castor("search", "far away", "--under", "\(files)/link", "--format", "paths").text
        #expect(found.hasSuffix("/files/link/far.txt\n"), "\(found)")
        #expect(try castor("index", "--remove", "\(files)/link").errors.hasPrefix("castor: forgot 1 file\n"))
    }

    /// Who opens or closes the catalogue holds it for a moment.
    @Test func aCatalogueThatIsHeld() throws {
        _ = try castor("index", files)
        try folder.write(
            """
            import sqlite3, sys, time
            held = sqlite3.connect(sys.argv[1], isolation_level=None)
            held.execute("PRAGMA locking_mode = EXCLUSIVE")
            held.execute("BEGIN EXCLUSIVE")
            held.execute("CREATE TABLE held (x)")
            held.execute("ROLLBACK")
            print("held", flush=True)
            time.sleep(1)

            """, "hold.py")
        let outcome = try CastorProgram.shell(
            "python3 hold.py index/catalogue.sqlite | { read held; CASTOR_INDEX=index castor search kitten; }",
            in: folder)
        #expect(outcome.status == 0 && outcome.text.contains("kitten.txt"), "\(outcome.errors)")
    }

    @Test func anotherModel() throws {
        _ = try castor("index", files)
        try folder.copyModel()
        let old = try String(contentsOfFile: "\(folder.path)/model/config.json", encoding: .utf8)
        try folder.write(old + "\n", "model/config.json")
        let model = "\(folder.path)/model"
        for command in [["search", "x"], ["index"]] {
            let refused = try CastorProgram.run(
                command, in: folder, model: model, environment: ["CASTOR_INDEX": "\(folder.path)/index"])
            #expect(refused.status == 65 && refused.errors.contains("castor index --rebuild"), "\(refused.errors)")
        }
        let rebuilt = try castor("index", "--rebuild", model: model)
        #expect(rebuilt.status == 0 && rebuilt.errors.hasPrefix("castor: 4 new"), "\(rebuilt.errors)")
        #expect(try castor("search", "a sleepy kitten", model: model).status == 0)
    }

    /// `--open` gives the browser an address that brings the key along, and serves until it is told to end.
    @Test func inTheBrowser() throws {
        _ = try castor("index", files)
        try folder.makeFolder("bin")
        try folder.write(
            "#!/bin/sh\nprintf '%s' \"$1\" >\"$OPENED.part\"\nmv \"$OPENED.part\" \"$OPENED\"\n", "bin/xdg-open")
        chmod("\(folder.path)/bin/xdg-open", 0o755)
        let opened = "\(folder.path)/opened"
        let running = try Running(
            [
                "/bin/bash", "-c", "PATH=\"$BIN:$PATH\" exec \"$CASTOR\" \"$@\"", "bash", "search", "--open",
                "a sleepy", "kitten",
                "--type", "text,image",
            ], input: "/dev/null", folder: folder, model: CastorProgram.nano,
            environment: [
                "CASTOR": CastorProgram.path, "CASTOR_INDEX": "\(folder.path)/index", "BIN": "\(folder.path)/bin",
                "OPENED": opened,
            ])
        var address = ""
        try Standstill.wait(for: running.process) {
            address = (try? String(contentsOfFile: opened, encoding: .utf8)) ?? ""
            return !address.isEmpty
        }
        #expect(address.hasSuffix("&q=a%20sleepy%20kitten&type=text&type=image"), "\(address)")
        let match = try #require(address.firstMatch(of: /^http:\/\/127\.0\.0\.1:([0-9]+)\/#key=([0-9A-F-]{36})&/))
        let port = try #require(UInt16(match.1))
        for (headers, status) in [(["x-goog-api-key: \(match.2)"], 200), ([], 403), (["x-goog-api-key: x"], 400)] {
            let connection = try Connection(port: port, of: running.process)
            defer { connection.close() }
            try connection.send("GET", "/search/v1/index", "", headers: headers)
            #expect(try connection.receive().status == status)
        }
        running.signal(SIGTERM)
        let outcome = try running.wait()
        #expect(outcome.status == 0 && outcome.text.isEmpty)
        #expect(outcome.errors == "castor: the page is open in the browser; Ctrl-C ends the search\n")
        #expect(try castor("search", "--open", "@\(files)/scene.jpg").status == 64)
        #expect(try castor("search", "--open", "--less", "boats").status == 64)
    }

    @Test func servingAnIndex() throws {
        _ = try castor("index", files)
        let server = try RunningServer(["--index", "\(folder.path)/index"], in: folder)
        #expect(try server.request("GET", "/search/v1/index").text.contains("\"files\":4"))
        #expect(try server.request("POST", "/search/v1/index:update", "{}").status == 403)
        #expect(try server.stop(SIGTERM).status == 0)
        #expect(try castor("serve", "--port", "0", "--index", "\(folder.path)/nothing").status == 66)
        #expect(try castor("serve", "--allow-indexing").status == 64)
        try folder.copyModel()
        let old = try String(contentsOfFile: "\(folder.path)/model/config.json", encoding: .utf8)
        try folder.write(old + "\n", "model/config.json")
        let other = try castor("serve", "--port", "0", "--index", "\(folder.path)/index", model: "\(folder.path)/model")
        #expect(
            other.status == 65 && other.errors.contains("castor index --index \(folder.path)/index --rebuild"),
            "\(other.errors)")
    }
}
