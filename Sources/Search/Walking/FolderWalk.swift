import Glibc

/// A file that a walk came upon.
package struct FoundFile: Sendable, Equatable {
    package var path: RawPath
    package var version: FileVersion
    /// The file beside it that says what it shows, where that was asked for.
    package var caption: FoundCaption?
}

/// Files below folders, in the order of their names. Passed over: what begins with a dot, `node_modules`, what `.castorignore` names, and whatever
/// is neither file nor folder. Links to folders are followed, once a folder, so that those in circles end.
package struct FolderWalk {
    package private(set) var files: [FoundFile] = []
    /// Folders that could not be read: of what is in them, nothing is known.
    package private(set) var problems: [(path: RawPath, problem: Problem)] = []
    package private(set) var ignored = 0
    /// That were read.
    package private(set) var folders: [RawPath] = []

    /// Beside pictures that they may be captions of: none of ``files``.
    private(set) var texts: [FoundText] = []

    private var visited: Set<FileIdentity> = []
    /// Those that were named on the way, by two names of one file or two roots of which one is in the other.
    private var seen: Set<FileIdentity> = []
    private let takesCaptions: Bool
    private let named: Set<RawPath>
    private let isCancelled: () -> Bool

    private struct Ignoring {
        var folder: RawPath
        var rules: IgnoreRules
    }

    /// - Parameters:
    ///   - takesCaptions: whether files beside pictures that say what they show belong to those, and are none of their own
    ///   - named: files that somebody asked for by name, which are files of their own all the same
    ///   - index: the folder in which what is found is written down, which is passed over
    package init(
        takesCaptions: Bool = false, named: [RawPath] = [], index: RawPath? = nil,
        isCancelled: @escaping () -> Bool = { false }
    ) {
        self.takesCaptions = takesCaptions
        self.named = Set(named)
        self.isCancelled = isCancelled
        var status = stat()
        if let index, index.withCString({ stat($0, &status) }) == 0 { visited.insert(FileIdentity(status)) }
    }

    /// Whether it is one of ``files``, by whatever name.
    func isFound(_ text: FoundText) -> Bool { text.isSingle && seen.contains(text.identity) }

    /// The largest `.castorignore` that is read.
    private static let maxRulesBytes = 1 << 20

    /// A file or a folder with all below it, whatever its own name. Throws `notFound`.
    package mutating func walk(_ root: RawPath) throws(SearchError) {
        var status = stat()
        guard root.withCString({ stat($0, &status) }) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { throw .notFound(path: root.printable) }
            // The others are not kept waiting for a disk that does not answer.
            problems.append((root, Problem(.unreadable, String(cString: strerror(errno)))))
            return
        }
        switch status.st_mode & S_IFMT {
        case S_IFDIR: folder(root, status, rulesAbove(root))
        case S_IFREG: file(root, status)
        default: problems.append((root, Problem(.unreadable, "is no regular file")))
        }
    }

    /// Those of the folders above one that was named count, too.
    private func rulesAbove(_ root: RawPath) -> [Ignoring] {
        var all: [Ignoring] = []
        for (index, byte) in root.bytes.enumerated() where byte == UInt8(ascii: "/") {
            let folder = RawPath(bytes: index == 0 ? [byte] : Array(root.bytes[..<index]))
            if let rules = rules(in: folder) { all.append(Ignoring(folder: folder, rules: rules)) }
        }
        return all
    }

    private mutating func folder(_ path: RawPath, _ status: stat, _ above: [Ignoring]) {
        guard visited.insert(FileIdentity(status)).inserted, !isCancelled() else { return }
        folders.append(path)
        let names: [[UInt8]]
        switch Self.names(path) {
        case .success(let found): names = found
        case .failure(let error):
            problems.append((path, Problem(.folder, String(cString: strerror(error.code)))))
            return
        }
        var ignoring = above
        if names.contains(Array(".castorignore".utf8)), let rules = rules(in: path) {
            ignoring.append(Ignoring(folder: path, rules: rules))
        }
        var found: [(path: RawPath, status: stat)] = []
        for name in names where name.first != UInt8(ascii: ".") && !name.elementsEqual("node_modules".utf8) {
            let child = path.appending(name)
            var status = stat()
            guard child.withCString({ stat($0, &status) }) == 0 else {
                // A link that leads nowhere, or a file that has gone since.
                if errno != ENOENT { problems.append((child, Problem(.unreadable, String(cString: strerror(errno))))) }
                continue
            }
            let isFolder = status.st_mode & S_IFMT == S_IFDIR
            guard isFolder || status.st_mode & S_IFMT == S_IFREG else { continue }
            guard !Self.isIgnored(child, isFolder, ignoring) else {
                ignored += 1
                continue
            }
            found.append((child, status))
        }
        let captions = takesCaptions ? Captions(found) : Captions()
        for (child, status) in found {
            if status.st_mode & S_IFMT == S_IFDIR {
                folder(child, status, ignoring)
            } else if captions.mayBeTaken(child), !named.contains(child) {
                text(child, status)
            } else {
                add(child, status, captions.caption(of: child))
            }
        }
    }

    /// One that was named itself.
    private mutating func file(_ path: RawPath, _ status: stat) {
        guard takesCaptions else { return add(path, status, nil) }
        let ignoring = rulesAbove(path)
        let beside = Captions.names(for: path).compactMap { name -> (path: RawPath, status: stat)? in
            var status = stat()
            guard name.withCString({ stat($0, &status) }) == 0, !Self.isIgnored(name, false, ignoring) else {
                return nil
            }
            return (name, status)
        }
        let captions = Captions([(path, status)] + beside)
        add(path, status, captions.caption(of: path))
        // Of a folder that was asked for at another time.
        for (name, status) in beside
        where captions.mayBeTaken(name) && !named.contains(name) && named.contains(where: { name.isInside($0) }) {
            text(name, status)
        }
    }

    private mutating func text(_ path: RawPath, _ status: stat) {
        texts.append(
            FoundText(
                file: FoundFile(path: path, version: FileVersion(status)), identity: FileIdentity(status),
                isSingle: status.st_nlink < 2))
    }

    private mutating func add(_ path: RawPath, _ status: stat, _ caption: FoundCaption?) {
        // By two ways to one folder, a file is found once; hard links, which have names of their own, each.
        if status.st_nlink < 2, !seen.insert(FileIdentity(status)).inserted { return }
        files.append(FoundFile(path: path, version: FileVersion(status), caption: caption))
    }

    /// The rules of the nearest folder that says anything decide.
    private static func isIgnored(_ path: RawPath, _ isFolder: Bool, _ ignoring: [Ignoring]) -> Bool {
        for level in ignoring.reversed() {
            let start = level.folder.bytes.count + (level.folder.bytes.last == UInt8(ascii: "/") ? 0 : 1)
            if let verdict = level.rules.verdict(Array(path.bytes[start...]), isFolder: isFolder) { return verdict }
        }
        return false
    }

    private func rules(in folder: RawPath) -> IgnoreRules? {
        guard
            case .success(let read) = FileBytes.read(
                folder.appending(".castorignore".utf8), maxBytes: Self.maxRulesBytes)
        else { return nil }
        let rules = IgnoreRules(read.bytes)
        return rules.isEmpty ? nil : rules
    }

    private struct Errno: Error { var code: Int32 }

    /// In rising order, without `.` and `..`.
    private static func names(_ path: RawPath) -> Result<[[UInt8]], Errno> {
        guard let folder = path.withCString({ opendir($0) }) else { return .failure(Errno(code: errno)) }
        defer { closedir(folder) }
        var names: [[UInt8]] = []
        while true {
            errno = 0
            guard let entry = readdir(folder) else { break }
            let name = withUnsafePointer(to: &entry.pointee.d_name) { start in
                start.withMemoryRebound(to: UInt8.self, capacity: 256) { bytes in
                    Array(
                        UnsafeBufferPointer(
                            start: bytes,
                            count: strnlen(UnsafeRawPointer(bytes).assumingMemoryBound(to: CChar.self), 256)))
                }
            }
            if name != [UInt8(ascii: ".")], name != [UInt8(ascii: "."), UInt8(ascii: ".")] { names.append(name) }
        }
        // A disk that fails amid a folder has not told what else is in it.
        guard errno == 0 else { return .failure(Errno(code: errno)) }
        return .success(names.sorted { $0.lexicographicallyPrecedes($1) })
    }
}

/// Which file it is, by whatever name.
struct FileIdentity: Sendable, Hashable {
    var device: UInt64
    var number: UInt64

    init(_ status: stat) {
        device = UInt64(status.st_dev)
        number = UInt64(status.st_ino)
    }
}

extension FileVersion {
    init(_ status: stat) {
        self.init(
            size: Int64(status.st_size),
            modified: Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec),
            inode: Int64(bitPattern: UInt64(status.st_ino)))
    }
}
