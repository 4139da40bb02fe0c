import FoundationEssentials
import TestSupport
import Testing
import Training

/// The folder of a training, where something else is in it.
@Suite struct RunFolderTests {
    @Test(arguments: ["report.html", "recipe.json", "train.log", "model/config.json", "checkpoints/x"])
    func whatIsNoTrainingsStays(name: String) throws {
        try DataFolder.with { folder in
            let path = try folder.write("out/\(name)", "mine")
            let taken = String(name.split(separator: "/")[0])
            let error = #expect(throws: RunError.self) { try RunFolder(path: "\(folder.path)/out") }
            #expect(error == .occupied(path: "\(folder.path)/out", name: taken))
            #expect(
                error?.description == "\(folder.path)/out has a \(taken) that is no training's; choose an empty folder")
            #expect(try Folders.read(path) == Array("mine".utf8))
            #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/out/.lock"))
        }
    }

    /// What a killed training left half written goes; what ends like it and is not its own stays.
    @Test func onlyItsOwnIsRemoved() throws {
        try DataFolder.with { folder in
            let gone = ["report.html.17.partial", "recipe.json.1.partial", "checkpoints/last.123.partial"]
            let kept = [
                "film.mkv.partial", "report.html.partial", "report.html.17b.partial", "checkpoints/my.7.partial",
            ]
            for name in gone + kept + [".lock"] { try folder.write("out/\(name)", "x") }
            withExtendedLifetime(try RunFolder(path: "\(folder.path)/out")) {}
            for name in gone {
                #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/out/\(name)"), "\(name)")
            }
            for name in kept {
                #expect(FileManager.default.fileExists(atPath: "\(folder.path)/out/\(name)"), "\(name)")
            }
        }
    }
}
