import FoundationEssentials
import Glibc
import Search
import TestSupport
import Testing

@Suite struct WalkTests {
    private func make(_ names: [String], in folder: String) throws {
        for name in names {
            let path = "\(folder)/\(name)"
            let parent = String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)])
            try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
            if !name.hasSuffix("/") { try Folders.write(Array(name.utf8), path) }
        }
    }

    private func walk(_ folder: String) throws -> FolderWalk {
        var walk = FolderWalk()
        try walk.walk(RawPath(folder).resolved ?? RawPath(folder))
        return walk
    }

    private func names(_ walk: FolderWalk, below folder: String) throws -> [String] {
        let count = try #require(RawPath(folder).resolved).bytes.count + 1
        return walk.files.map { String(decoding: $0.path.bytes[count...], as: UTF8.self) }
    }

    @Test func whatIsPassedOver() throws {
        try Folders.withTemporary { folder in
            try make(
                [
                    "b.txt", "a/x.txt", ".git/config", ".hidden", "node_modules/m/index.js", "a/node_modules/y.js",
                    "out/1.txt",
                    "a/out/2.txt", "a/keep/3.log", "4.log",
                ], in: folder)
            try Folders.write(Array("/out/\n*.log\n".utf8), "\(folder)/.castorignore")
            try Folders.write(Array("!*.log\n".utf8), "\(folder)/a/keep/.castorignore")
            let found = try walk(folder)
            #expect(try names(found, below: folder) == ["a/keep/3.log", "a/out/2.txt", "a/x.txt", "b.txt"])
            #expect(found.ignored == 2)
            // The rules above a folder count when it is named alone.
            #expect(try walk("\(folder)/a").files.count == 3)
            // What is named itself is indexed, whatever its name.
            #expect(try walk("\(folder)/.hidden").files.count == 1)
        }
    }

    @Test func linksInCircles() throws {
        try Folders.withTemporary { folder in
            try make(["a/b/x.txt", "real/y.txt"], in: folder)
            symlink("..", "\(folder)/a/b/up")
            symlink(".", "\(folder)/a/here")
            symlink("self", "\(folder)/self")
            symlink("nowhere", "\(folder)/broken")
            symlink("real", "\(folder)/z")
            symlink("a/b/x.txt", "\(folder)/again.txt")
            let found = try walk(folder)
            #expect(try names(found, below: folder) == ["a/b/x.txt", "real/y.txt"])
        }
    }

    @Test func namesOfAnyBytes() throws {
        try Folders.withTemporary { folder in
            let name = try #require(RawPath(folder).resolved).appending([0x66, 0xFF, 0x0A, 0x22, 0x1B])
            let descriptor = name.withCString { open($0, O_CREAT | O_WRONLY, 0o644) }
            try #require(descriptor >= 0)
            close(descriptor)
            let found = try walk(folder)
            #expect(found.files.map(\.path) == [name])
            #expect(found.files[0].path.text == nil)
            #expect(!found.files[0].path.printable.contains("\u{1B}"))
        }
    }

    @Test func otherThanFiles() throws {
        try Folders.withTemporary { folder in
            mkfifo("\(folder)/pipe", 0o644)
            let (whole, pipe) = (try walk(folder), try walk("\(folder)/pipe"))
            #expect(whole.files == [])
            #expect(pipe.problems.count == 1)
            #expect(throws: SearchError.self) { try walk("\(folder)/nothing") }
        }
    }

    @Test func pathsInsideOthers() {
        #expect(RawPath("/a/b").isInside(RawPath("/a")))
        #expect(RawPath("/a").isInside(RawPath("/a")))
        #expect(!RawPath("/ab").isInside(RawPath("/a")))
        #expect(RawPath("/ab").isInside(RawPath("/")))
        #expect(RawPath("/nowhere/./x/../y").absolute == RawPath("/nowhere/y"))
        #expect(RawPath("/a/b.tar.GZ").fileExtension == "gz")
        #expect(RawPath("/a/.profile").fileExtension == "")
    }
}
