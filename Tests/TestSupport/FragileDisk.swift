import Foundation
import Glibc
import PowerCut

/// A folder whose power can be cut: afterwards it has what was synced (Tests/PowerCut).
package final class FragileDisk: Sendable {
    /// The folder. Who keeps something on it makes a folder in it.
    package let path: String
    private let home: String
    private var kept: String { "\(home)/kept" }

    /// What becomes of what was not synced.
    package enum Loss: Sendable {
        /// All of it is gone.
        case everything
        /// Each file and each name is as it was when it was synced last, or as it is now.
        case anything(SeededRandom)
    }

    package init() throws {
        home = FileManager.default.temporaryDirectory.appending(path: "castor-disk-\(UUID().uuidString)").path
        path = "\(home)/disk"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: home) }

    /// For a process that has Tests/PowerCut in it.
    ///
    /// - Parameter forgets: `files` or `folders`, of which every sync is passed over
    package func environment(forgetting forgets: String = "") -> [String] {
        ["CASTOR_DISK=\(path)", "CASTOR_DISK_KEPT=\(kept)", "CASTOR_DISK_FORGETS=\(forgets)"]
    }

    /// Runs with the disk in this process, and cuts its power.
    package func cutAfter(_ body: () throws -> Void) throws {
        let code = power_cut_begin(path, kept)
        guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EIO) }
        do {
            defer { power_cut_end(path) }
            try body()
        }
        try cut(.everything)
    }

    /// Cuts the power of a disk that nothing writes to any more.
    package func cut(_ loss: Loss) throws {
        let old = "\(home)/old"
        try FileManager.default.moveItem(atPath: path, toPath: old)
        let root = String(decoding: try Data(contentsOf: URL(filePath: "\(kept)/disk")), as: UTF8.self)
        var restoration = Restoration(kept: kept)
        if case .anything(let random) = loss { restoration.random = random }
        try restoration.folder(root, now: old, to: path)
        try FileManager.default.removeItem(atPath: old)
        try FileManager.default.removeItem(atPath: kept)
    }
}

/// What a disk is after its power was cut.
private struct Restoration {
    private struct Entry {
        let isFolder: Bool
        let key: String
        /// The file as it is now.
        var now: String?
    }

    private let kept: String
    /// By their numbers, which are given again: the last that had it.
    private let keys: [Substring: String]
    /// nil where nothing but what was kept counts.
    var random: SeededRandom?

    init(kept: String) {
        self.kept = kept
        let names = (try? FileManager.default.contentsOfDirectory(atPath: kept)) ?? []
        keys = Dictionary(names.map { (Self.inode($0), $0) }) { Self.birth($0) > Self.birth($1) ? $0 : $1 }
    }

    /// - Parameter now: the folder as it is now; nil where it is gone
    mutating func folder(_ key: String, now: String?, to path: String) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        let then = try keptNames(key)
        let present = try now.map(names(of:)) ?? [:]
        // In an order of its own, so that a seed means the same every time.
        for name in Set(then.keys).union(present.keys).sorted() {
            // Memory that processes share, and nothing on a disk.
            if name.hasSuffix("-shm") { continue }
            guard let entry = choose(then[name], present[name]) else { continue }
            if entry.isFolder {
                try folder(entry.key, now: entry.now, to: "\(path)/\(name)")
            } else {
                try file(entry, to: "\(path)/\(name)")
            }
        }
    }

    /// Of what was kept and what is now.
    private mutating func isNow() -> Bool { random.map { _ in random!.next() & 1 == 1 } ?? false }

    private mutating func choose(_ then: Entry?, _ present: Entry?) -> Entry? {
        guard let then, let present, Self.inode(then.key) == Self.inode(present.key) else {
            return isNow() ? present : then
        }
        return Entry(isFolder: then.isFolder, key: then.key, now: present.now)
    }

    private mutating func file(_ entry: Entry, to path: String) throws {
        let copy = "\(kept)/\(entry.key)"
        var source = FileManager.default.fileExists(atPath: copy) ? copy : nil
        if let now = entry.now, isNow() { source = now }
        // A name whose bytes never reached the disk.
        let bytes = try source.map { try Data(contentsOf: URL(filePath: $0)) } ?? Data()
        try bytes.write(to: URL(filePath: path))
    }

    private func keptNames(_ key: String) throws -> [String: Entry] {
        guard let data = try? Data(contentsOf: URL(filePath: "\(kept)/\(key)")) else { return [:] }
        var names: [String: Entry] = [:]
        for line in String(decoding: data, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 2).map(String.init)
            names[words[2]] = Entry(isFolder: words[0] == "d", key: words[1])
        }
        return names
    }

    private func names(of folder: String) throws -> [String: Entry] {
        var names: [String: Entry] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            var status = stat()
            guard lstat("\(folder)/\(name)", &status) == 0 else { continue }
            let number = "\(status.st_ino)"
            names[name] = Entry(
                isFolder: status.st_mode & S_IFMT == S_IFDIR, key: keys[number[...]] ?? number,
                now: "\(folder)/\(name)")
        }
        return names
    }

    private static func inode(_ key: String) -> Substring { key.prefix { $0 != "-" } }

    /// In nanoseconds.
    private static func birth(_ key: String) -> Int {
        let numbers = key.split(separator: "-").compactMap { Int($0) }
        return numbers.count == 3 ? numbers[1] * 1_000_000_000 + numbers[2] : 0
    }
}
