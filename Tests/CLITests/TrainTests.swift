import Foundation
import Glibc
import Testing

/// `castor train` as a user runs it, and as machines end it: signals, kill -9, a full disk.
@Suite struct TrainTests {
    private let folder: Workspace

    init() throws {
        folder = try Workspace()
        try FileManager.default.createDirectory(atPath: "\(folder.path)/model", withIntermediateDirectories: true)
        for name in ["config.json", "tokenizer.model"] {
            try FileManager.default.copyItem(
                atPath: "\(CastorProgram.nano)/\(name)", toPath: "\(folder.path)/model/\(name)")
        }
        var pairs = ""
        for one in ["red", "green", "blue", "black", "white"] {
            for two in ["circle", "square", "star", "cross", "ring"] {
                for three in ["sand", "snow", "water", "stone", "wood"] {
                    pairs += "a \(one) \(two) on \(three)\t\(three) below, \(two) above, and it is \(one)\n"
                }
            }
        }
        try folder.write(pairs, "pairs.tsv")
    }

    private func writeRecipe(steps: Int, every: Int = 10) throws {
        try folder.write(
            """
            {"name": "test", "model": "model", "output": "out", "seed": 3,
             "stages": [{"steps": \(steps), "schedule": {"peak": 0.003}, "optimizer": {"average": 0.9},
               "loss": {"sizes": [3072, 256], "contrastive": {"learnsTemperature": true}},
               "data": [{"path": "pairs.tsv", "header": false, "batch": 32}]}],
             "evaluation": {"every": \(every), "heldOut": 0.2, "sizes": [3072, 256]}}
            """, "recipe.json")
    }

    private func train(_ arguments: String...) throws -> CastorProgram.Outcome {
        try CastorProgram.run(["train", "recipe.json"] + arguments, in: folder)
    }

    private struct Line: Decodable {
        let type: String
        let step: Int?
        let loss: Double?
        let gradientNorm: Double?
    }

    /// Step, loss and gradient of each step that the metrics tell of.
    private func losses(_ output: String) throws -> [String] {
        String(decoding: try folder.bytes("\(output)/metrics.jsonl"), as: UTF8.self).split(separator: "\n").compactMap {
            let line = try? JSONDecoder().decode(Line.self, from: Data($0.utf8))
            guard let line, line.type == "step" else { return nil }
            return "\(line.step ?? 0) \(line.loss ?? 0) \(line.gradientNorm ?? 0)"
        }
    }

    private func expectSame(_ a: String, _ b: String) throws {
        #expect(try losses(a) == losses(b))
        #expect(try folder.bytes("\(a)/model/model.safetensors") == folder.bytes("\(b)/model/model.safetensors"))
    }

    @Test func killedAtAnyMomentItGoesOn() throws {
        try writeRecipe(steps: 60)
        #expect(try train("--set", "output=whole").status == 0)
        // At any step of the 60, or where that one was made before, right after the start.
        for round in 0..<12 {
            let steps = Int.random(in: 0...55)
            try killTraining("round \(round)", "--resume", "--checkpoint-every", "7") {
                folder.lines("out/metrics.jsonl") >= steps
            }
        }
        let outcome = try train("--resume", "--checkpoint-every", "7")
        #expect(outcome.status == 0, "\(outcome.errors)")
        try expectSame("whole", "out")
        let left = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/out/checkpoints")
        #expect(left.sorted() == ["best", "last"])
    }

    /// Kills a training once something is so. One that was quicker than the test begins anew.
    private func killTraining(_ what: String, _ arguments: String..., when isTrue: () throws -> Bool) throws {
        while true {
            let running = try CastorProgram.start(["train", "recipe.json"] + arguments, in: folder)
            let isKilled = try running.signal(SIGKILL, when: isTrue)
            let outcome = try running.wait()
            #expect(outcome.status == (isKilled ? 128 + SIGKILL : 0), "\(what): \(outcome.errors)")
            if isKilled || outcome.status != 0 { return }
            try folder.remove("out")
        }
    }

    @Test(arguments: [SIGINT, SIGTERM])
    func aSignalStopsWithACheckpoint(signal: Int32) throws {
        // Hours, if it were not stopped.
        try writeRecipe(steps: 1_000_000, every: 1_000_000)
        let running = try CastorProgram.start(["train", "recipe.json"], in: folder)
        #expect(try running.signal(signal) { folder.lines("out/metrics.jsonl") > 20 })
        let outcome = try running.wait()
        #expect(outcome.status == 128 + signal)
        let steps = try losses("out").count
        #expect(
            outcome.errors.contains("stopped after step \(steps), with a checkpoint; the same command with --resume"))
        #expect(folder.size("out/report.html") > 0)
        let log = String(decoding: try folder.bytes("out/train.log"), as: UTF8.self)
        #expect(log.contains("stopped after step \(steps)"))
    }

    /// Two processes of a castor without MPI would each train alone, into one folder.
    @Test func mpirunNeedsABuildWithMPI() throws {
        try writeRecipe(steps: 5)
        let outcome = try CastorProgram.run(
            ["train", "recipe.json"], in: folder,
            environment: ["OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "0"])
        #expect(outcome.status == 69)
        #expect(outcome.errors.contains("mpirun started 2 processes, and this castor was built without MPI"))
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/out"))
    }

    /// 1 MB for a file, where a checkpoint needs three.
    @Test func aFullDiskIsSaidAndLeavesTheCheckpoint() throws {
        try writeRecipe(steps: 40)
        let first = try CastorProgram.shell("ulimit -f 1024; castor train recipe.json", in: folder)
        #expect(first.status == 73)
        #expect(
            first.errors.contains("out/checkpoints/") && first.errors.contains("cannot be written"), "\(first.errors)")
        #expect(folder.size("out/checkpoints/last") == 0)
        try FileManager.default.removeItem(atPath: "\(folder.path)/out")

        try killTraining("with a checkpoint", "--checkpoint-every", "5") { folder.size("out/checkpoints/last") > 0 }
        let before = try folder.bytes("out/checkpoints/last")
        let second = try CastorProgram.shell(
            "ulimit -f 1024; castor train recipe.json --resume --checkpoint-every 5", in: folder)
        #expect(second.status == 73, "\(second.errors)")
        #expect(try folder.bytes("out/checkpoints/last") == before)
        #expect(try train("--resume").status == 0)
    }

    /// Data and a folder are enough; what was chosen is said, and kept as a recipe.
    @Test func inOneLine() throws {
        let train = ["train", "pairs.tsv", "--model", CastorProgram.nano]
        let first = try CastorProgram.run(train + ["--output", "run", "--set", "stages[0].epochs=2"], in: folder)
        #expect(first.status == 0, "\(first.errors)")
        #expect(
            first.errors.contains("castor: pairs.tsv: 125 pairs of texts, 125 queries and 125 answers that differ\n"))
        #expect(first.errors.contains("castor: the model is in"))
        for words in [
            "castor: next: castor search ", "run/checkpoints is for --resume alone, and may be removed",
            "guessing gives ",
            "castor: checkpoints take ", "question to answer/answer to question",
        ] { #expect(first.errors.contains(words), "\(first.errors)") }
        #expect(["Better", "No clear", "Nothing", "Worse"].contains { first.errors.contains("castor: \($0)") })
        #expect(folder.size("run/model/model.safetensors") > 0)
        // The recipe gives the same, under another name, and goes on where it was.
        let again = try CastorProgram.run(["train", "run/recipe.json", "--output", "again"], in: folder)
        #expect(again.status == 0, "\(again.errors)")
        try expectSame("run", "again")
        let resumed = try CastorProgram.run(train + ["--output", "run", "--resume"], in: folder)
        #expect(resumed.status == 0 && resumed.errors.contains("had ended already"), "\(resumed.errors)")
        #expect(try CastorProgram.run(train + ["-o", "run"], in: folder).errors.contains("already holds a training"))
        #expect(try CastorProgram.run(train, in: folder).status == 64)
        #expect(try CastorProgram.run(train + ["-o", ""], in: folder).status == 64)
        // Other data, another model, another place of the same training.
        try folder.write(folder.bytes("pairs.tsv"), "other.tsv")
        let other = try CastorProgram.run(["train", "other.tsv", "-o", "run", "--resume"], in: folder)
        #expect(other.status == 65 && other.errors.contains("because the data has changed"), "\(other.errors)")
        let model = try CastorProgram.run(
            ["train", "pairs.tsv", "--model", "model", "-o", "run", "--resume"], in: folder)
        #expect(model.status == 65 && model.errors.contains("because model has changed"), "\(model.errors)")
        try FileManager.default.moveItem(atPath: "\(folder.path)/run", toPath: "\(folder.path)/moved")
        let moved = try CastorProgram.run(train + ["-o", "moved", "--resume"], in: folder)
        #expect(moved.status == 0 && moved.errors.contains("had ended already"), "\(moved.errors)")
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/run"))
        #expect(
            String(decoding: try folder.bytes("moved/train.log"), as: UTF8.self).contains("125 queries and 125 answers")
        )
        #expect(try CastorProgram.run(["train", "none.tsv", "-o", "x"], in: folder).status == 66)
        let dry = try CastorProgram.run(train + ["-o", "dry", "--dry-run"], in: folder)
        #expect(dry.status == 0 && dry.text.contains("steps of about"), "\(dry.errors)")
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/dry"))
        #expect(dry.text.contains("checkpoints take "), "\(dry.text)")
        let placeless = try CastorProgram.run(train + ["--dry-run"], in: folder)
        #expect(placeless.status == 0 && placeless.text.contains("steps of about"), "\(placeless.errors)")
    }

    /// A folder that a report of something else is in, and one that is in the data by a link.
    @Test func foldersThatAreNotForIt() throws {
        let train = ["train", "pairs.tsv", "--model", CastorProgram.nano]
        for name in ["taken", "photos", "photos/0", "photos/1"] { try folder.makeFolder(name) }
        try folder.write("mine", "taken/report.html")
        let taken = try CastorProgram.run(train + ["-o", "taken"], in: folder)
        #expect(taken.status == 65, "\(taken.errors)")
        #expect(taken.errors.contains("taken has a report.html that is no training's; choose an empty folder"))
        #expect(try folder.bytes("taken/report.html") == Array("mine".utf8))
        let picture = [UInt8]("BM".utf8)
        for number in 0..<40 { try folder.write(picture + [UInt8(number)], "photos/\(number % 2)/\(number).bmp") }
        try FileManager.default.createSymbolicLink(
            atPath: "\(folder.path)/link", withDestinationPath: "\(folder.path)/photos")
        try folder.write(
            """
            {"model": "model", "output": "link/out",
             "stages": [{"steps": 1, "schedule": {"peak": 0.003}, "loss": {"contrastive": {}},
               "data": [{"path": "photos", "batch": 4}]}]}
            """, "photos.json")
        let photos = ["photos", "--model", CastorProgram.nano]
        for given in [
            photos + ["-o", "link/out"], photos + ["-o", "out", "--set", "output=link/out"], ["photos.json"],
        ] {
            let outcome = try CastorProgram.run(["train"] + given, in: folder)
            #expect(outcome.status == 65, "\(outcome.errors)")
            #expect(outcome.errors.contains("is in that of the data"), "\(outcome.errors)")
        }
    }

    @Test func divergenceIsSaid() throws {
        try writeRecipe(steps: 40)
        let outcome = try train("--set", "stages[0].schedule.peak=1e30")
        #expect(outcome.status == 65)
        #expect(outcome.errors.contains("training diverged at step "), "\(outcome.errors)")
        #expect(outcome.errors.contains("the checkpoint of step 0 is intact"), "\(outcome.errors)")
    }

    @Test func whatIsThereIsNotOverwritten() throws {
        try writeRecipe(steps: 3)
        #expect(try train().status == 0)
        let again = try train()
        #expect(again.status == 65 && again.errors.contains("already holds a training"))
        let other = try train("--resume", "--set", "seed=4")
        #expect(other.status == 65 && other.errors.contains("because seed has changed: it was 3, now it is 4"))
        let finished = try train("--resume")
        #expect(finished.status == 0 && finished.errors.contains("training had ended already"))
    }

    @Test func dryRunWritesNothing() throws {
        try writeRecipe(steps: 30)
        let outcome = try train("--dry-run")
        #expect(outcome.status == 0)
        #expect(outcome.text.contains("30 steps of about ") && outcome.text.contains(" pairs, "), "\(outcome.text)")
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/out"))
    }

    @Test(arguments: [
        (["train"], 64, "Missing expected argument"), (["train", "none.json"], 66, "none.json: no such file"),
        (["train", "recipe.json", "--set", "bogus=1"], 65, "bogus"),
        (["train", "recipe.json", "--set", "model=nowhere"], 66, "nowhere"),
        (["train", "recipe.json", "--checkpoint-every", "0"], 64, "--checkpoint-every must be 1 or more"),
    ])
    func mistakesAreNamed(arguments: [String], status: Int32, words: String) throws {
        try writeRecipe(steps: 3)
        let outcome = try CastorProgram.run(arguments, in: folder)
        #expect(outcome.status == status, "\(outcome.errors)")
        #expect(outcome.errors.contains(words), "\(outcome.errors)")
    }

    /// `script` gives the program a terminal and records what a person sees.
    @Test func aTerminalSeesOneLine() throws {
        try writeRecipe(steps: 400, every: 0)
        let outcome = try CastorProgram.shell(
            "script --quiet --return --command \"$CASTOR train recipe.json\" seen >seen.out", in: folder)
        #expect(outcome.status == 0)
        let seen = String(decoding: try folder.bytes("seen"), as: UTF8.self)
        let line = #/\r\u{1B}\[Kstep (\d+)/400, loss [\d.]+, rate [\d.e-]+, \d[\d.]* tokens/s, .* left, \d+ MB/#
        #expect(!seen.matches(of: line).isEmpty, "\(seen.debugDescription)")
    }
}
