import Encoder
import Glibc

/// Where a training keeps what it makes (docs/training.md):
///
///     metrics.jsonl        every step and evaluation, a line each
///     train.log            what was said, with times
///     checkpoints/last     everything that is needed to go on
///     checkpoints/best     the same, of the best evaluation
///     model/               the model folder, when training has ended
///     report.html          the report
///     recipe.json          the recipe, where it was made for the data
///
/// While it exists no other process trains there.
package final class RunFolder: Sendable {
    package let path: String
    /// Nothing is written: another process, which trains along, does.
    let isLookedAt: Bool
    private let lock: Int32

    package var metrics: String { "\(path)/metrics.jsonl" }
    package var log: String { "\(path)/train.log" }
    package var checkpoints: String { "\(path)/checkpoints" }
    package var last: String { "\(path)/checkpoints/last" }
    package var best: String { "\(path)/checkpoints/best" }
    package var model: String { Self.model(path) }
    package var report: String { "\(path)/report.html" }
    package var recipe: String { Self.recipe(path) }

    package static func model(_ path: String) -> String { "\(path)/model" }
    package static func recipe(_ path: String) -> String { "\(path)/recipe.json" }

    /// Those that a training in the folder at `path` writes beside the model's.
    package static func files(_ path: String) -> [String] {
        ["metrics.jsonl", "train.log", "checkpoints/last", "checkpoints/best", "report.html", "recipe.json"].map {
            "\(path)/\($0)"
        }
    }

    /// Makes the folder where it is missing, and locks it. One with a training's names and without a training is another's.
    package init(path: String) throws(RunError) {
        self.path = path
        isLookedAt = false
        if let other = Self.foreign(path) { throw .occupied(path: path, name: other) }
        try Self.make(path)
        let name = "\(path)/.lock"
        lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard lock >= 0 else { throw Self.failure(name) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw .locked(path: path)
        }
        try Self.make(checkpoints)
        removePartialFiles()
    }

    /// The folder of a training that another process writes.
    package init(lookedAt path: String) {
        self.path = path
        isLookedAt = true
        lock = -1
    }

    deinit {
        if lock >= 0 { close(lock) }
    }

    package static func hasTraining(_ path: String) -> Bool {
        access("\(path)/checkpoints/last", F_OK) == 0 || access("\(path)/metrics.jsonl", F_OK) == 0
    }

    /// A name that a training would take, where what has it is no training's.
    private static func foreign(_ path: String) -> String? {
        guard !hasTraining(path), access("\(path)/.lock", F_OK) != 0 else { return nil }
        return ["recipe.json", "report.html", "train.log", "model", "checkpoints"].first {
            access("\(path)/\($0)", F_OK) == 0
        }
    }

    package var hasCheckpoint: Bool { access(last, F_OK) == 0 }

    /// Gives the file at `source` the name `target` as well, or copies nothing and returns false where that cannot be.
    func link(_ source: String, as target: String) -> Bool {
        let temporary = "\(target).\(getpid()).partial"
        unlink(temporary)
        guard Glibc.link(source, temporary) == 0 else { return false }
        guard rename(temporary, target) == 0 else {
            unlink(temporary)
            return false
        }
        return true
    }

    /// Makes names as durable as contents.
    func synchronise() {
        guard !isLookedAt else { return }
        for folder in [checkpoints, path] {
            let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard descriptor >= 0 else { continue }
            fsync(descriptor)
            close(descriptor)
        }
    }

    /// What a process that was killed while it wrote left behind: `NAME.PID.partial` of the names here, and nobody else's.
    private func removePartialFiles() {
        let written = [
            path: ["report.html", "recipe.json"], checkpoints: ["last", "best"],
            model: [Model.configurationName, Model.tokenizerName, "tokenizer.json", Model.weightsName, "README.md"],
        ]
        for (folder, names) in written {
            guard let directory = opendir(folder) else { continue }
            defer { closedir(directory) }
            while let entry = readdir(directory) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if names.contains(where: { Self.isPartial(name, of: $0) }) { unlink("\(folder)/\(name)") }
            }
        }
    }

    private static func isPartial(_ name: String, of whole: String) -> Bool {
        guard name.hasPrefix("\(whole)."), name.hasSuffix(".partial") else { return false }
        let middle = name.dropFirst(whole.count + 1).dropLast(".partial".count)
        return !middle.isEmpty && middle.allSatisfy { $0.isASCII && $0.isNumber }
    }

    /// Writes a text file that appears whole or not at all.
    package func write(_ text: String, to path: String) throws(RunError) {
        guard !isLookedAt else { return }
        do throws(ModelError) {
            let file = try AtomicFile(path: path)
            let bytes = Array(text.utf8)
            let result: Result<Void, ModelError> = bytes.withUnsafeBytes { bytes in
                do throws(ModelError) { return .success(try file.write(bytes)) } catch { return .failure(error) }
            }
            try result.get()
            try file.commit()
        } catch { throw RunError(writing: error, to: path) }
    }

    /// With the folders above it.
    private static func make(_ path: String) throws(RunError) {
        var made = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            made += made.isEmpty || made == "/" ? "\(part)" : "/\(part)"
            guard mkdir(made, 0o755) != 0 else {
                guard syncNames(beside: made) else { throw failure(made) }
                continue
            }
            guard errno == EEXIST else { throw failure(made) }
        }
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw .cannotWrite(path: path, reason: "is not a folder")
        }
    }

    static func failure(_ path: String) -> RunError {
        .cannotWrite(path: path, reason: "cannot be written: \(String(cString: strerror(errno)))")
    }
}
