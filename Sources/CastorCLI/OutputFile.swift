import Castor
import Encoder
import Glibc

/// A file or folder that a command is to write, held against those that it reads.
struct OutputFile {
    let path: String

    init(_ path: String) {
        self.path = path
    }

    /// Refuses an output that is one of the inputs, by whatever name: another spelling, a hard link, a symbolic link. To be asked before
    /// anything is written.
    func refuse(inputs: [String?]) throws {
        guard let own = FileIdentity(path) else { return }
        for case let input? in inputs where input != "-" && FileIdentity(input) == own {
            throw Failure(
                .usage,
                input == path
                    ? "\(path) is both the input and the output" : "the output \(path) is the input \(input)")
        }
    }

    /// Refuses what is no regular file, for outputs that are replaced whole: to replace a device, a pipe or a link would destroy it.
    func refuseSpecial() throws {
        var status = stat()
        if lstat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            throw Failure(.cannotWrite, "\(path): is not a regular file")
        }
    }

    /// Refuses an output in a folder whose files are read.
    func refuse(inside folder: String) throws {
        let slash = path.lastIndex(of: "/")
        let own = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        guard let place = FileIdentity(own), place == FileIdentity(folder) else { return }
        throw Failure(.usage, "the output \(path) lies in \(folder), which is read")
    }

    /// Refuses another output of the same place, which would replace this one.
    func refuse(beside other: String?) throws {
        guard let other else { return }
        let isSame =
            path == other || FileIdentity(path).map { $0 == FileIdentity(other) } ?? false
            || Self.place(path).map { $0 == Self.place(other) } ?? false
        guard !isSame else { throw Failure(.usage, "\(path) and \(other) are one file, and both are to be written") }
    }

    /// Folder and name of a file that there may not be yet.
    private static func place(_ path: String) -> [String]? {
        let slash = path.lastIndex(of: "/")
        let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        return FileIdentity(folder).map { ["\($0.device)", "\($0.number)", name] }
    }
}

/// What a name leads to in the end.
struct FileIdentity: Equatable {
    let device: UInt64
    let number: UInt64

    /// nil where nothing has this name, and for what is no file: a terminal is read and written.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        guard [S_IFREG, S_IFDIR, S_IFBLK].contains(status.st_mode & S_IFMT) else { return nil }
        device = UInt64(status.st_dev)
        number = UInt64(status.st_ino)
    }
}

extension ModelOption {
    /// The files of the model, which an output must not replace.
    var files: [String] { (try? path).map(Self.files(ofModel:)) ?? [] }

    static func files(ofModel folder: String) -> [String] {
        [Model.configurationName, Model.weightsName, Model.tokenizerName, "tokenizer.json"].map { "\(folder)/\($0)" }
    }
}
