/// What a run has to do: the files that walks found, held against those that the index knows.
struct IndexPlan {
    /// To be looked into, new or perhaps changed.
    private(set) var files: [FoundFile] = []
    private(set) var unchanged = 0
    /// Beside pictures, which take them or don't: ``texts()``.
    private var beside: [FoundText]
    private var taken: Set<FileIdentity> = []
    private var takenPaths: Set<RawPath> = []
    private var known: [RawPath: KnownSource]
    /// Sources that the walks should have come by and did not.
    private var missing: [Int64: RawPath] = [:]
    /// Of which source bytes are known, by digest and kind.
    private var contents: [Content: [Int64]] = [:]
    private var paths: [Int64: RawPath] = [:]

    private struct Content: Hashable {
        var sha256: [UInt8]
        var kind: String
    }

    init(_ walk: FolderWalk, roots: [RawPath], known sources: [KnownSource]) {
        known = Dictionary(minimumCapacity: sources.count)
        for source in sources {
            known[source.path] = source
            if let sha256 = source.sha256, source.hasItems {
                contents[Content(sha256: sha256, kind: source.kind), default: []].append(source.id)
                paths[source.id] = source.path
            }
        }
        var seen = Set<RawPath>()
        beside = walk.texts.filter { !walk.isFound($0) }
        for file in walk.files where seen.insert(file.path).inserted {
            guard let source = known[file.path], source.version == file.version,
                source.beside == file.caption?.mark || source.beside == file.caption?.markOfRefused
            else {
                files.append(file)
                continue
            }
            unchanged += 1
            if let caption = file.caption, source.beside == caption.mark {
                taken.insert(caption.identity)
                takenPaths.insert(caption.path)
            }
        }
        // What is in a folder that could not be read is not gone.
        let unread = walk.problems.map(\.path)
        // A folder in which there is nothing at all may be a disk that is not there.
        let lost = roots.filter { root in
            !walk.files.contains { $0.path.isInside(root) } && !walk.texts.contains { $0.file.path.isInside(root) }
                && sources.contains { $0.path.isInside(root) && $0.path != root }
        }
        for source in sources
        where !seen.contains(source.path) && roots.contains(where: { source.path.isInside($0) })
            && !(unread + lost).contains(where: { source.path.isInside($0) })
        {
            missing[source.id] = source.path
        }
        // A text that goes to a picture is known by itself no more, whichever of the two was asked for.
        for text in beside {
            if let source = known[text.file.path] { missing[source.id] = source.path }
        }
        emptyRoots = lost
    }

    /// Roots below which the index knows files, and in which there is none now.
    let emptyRoots: [RawPath]

    /// Sources to forget, in the order of their numbers.
    var gone: [Int64] { missing.keys.sorted() }

    /// Sources among those whose text is in a picture's item now.
    var joined: Int {
        let paths = Set(beside.filter(isTaken).map(\.file.path))
        return missing.values.count { paths.contains($0) }
    }

    /// A picture's item is made of this, too.
    mutating func take(_ caption: FoundCaption) {
        taken.insert(caption.identity)
        takenPaths.insert(caption.path)
    }

    /// By whatever name, but for hard links, which have names of their own.
    private func isTaken(_ text: FoundText) -> Bool {
        takenPaths.contains(text.file.path) || text.isSingle && taken.contains(text.identity)
    }

    /// Once all pictures were looked into: texts beside them of which none is made, to be looked into.
    mutating func texts() -> [FoundFile] {
        var seen = taken
        var texts: [FoundFile] = []
        for text in beside where !isTaken(text) {
            if text.isSingle, !seen.insert(text.identity).inserted { continue }
            let source = known[text.file.path]
            if let source { missing[source.id] = nil }
            if let source, source.version == text.file.version, source.beside == nil {
                unchanged += 1
            } else {
                texts.append(text.file)
            }
        }
        return texts
    }

    func source(_ path: RawPath) -> KnownSource? { known[path] }

    /// Whether the source of this name is `id`, and a change soon after its last look would not have shown.
    func isYoung(_ path: RawPath, _ id: Int64) -> Bool {
        known[path].map { $0.id == id && $0.version.modified < 0 } ?? false
    }

    enum Twin {
        /// The same file: it has another name now, or another time.
        case itself(Int64)
        /// Another file with the same bytes.
        case other(Int64)
    }

    /// Whether a source has vectors of these bytes.
    func hasTwin(sha256: [UInt8], kind: String) -> Bool {
        contents[Content(sha256: sha256, kind: kind)]?.isEmpty == false
    }

    /// That source.
    mutating func twin(of path: RawPath, sha256: [UInt8], kind: String) -> Twin? {
        guard let ids = contents[Content(sha256: sha256, kind: kind)], let first = ids.first else { return nil }
        if let own = known[path]?.id, ids.contains(own) { return .itself(own) }
        // A name that is gone; it can be taken once.
        if known[path] == nil, let id = ids.first(where: { missing[$0] != nil }) {
            if let name = missing.removeValue(forKey: id) { known[name] = nil }
            return .itself(id)
        }
        return .other(first)
    }

    /// As known as what was there before the run.
    mutating func note(_ id: Int64, sha256: [UInt8], kind: String) {
        contents[Content(sha256: sha256, kind: kind), default: []].append(id)
    }

    /// A source whose bytes are others now.
    mutating func forget(_ path: RawPath) {
        guard let source = known[path], let sha256 = source.sha256 else { return }
        contents[Content(sha256: sha256, kind: source.kind)]?.removeAll { $0 == source.id }
    }
}

/// What the index knows of a file, for a run.
struct KnownSource {
    var id: Int64
    var path: RawPath
    var version: FileVersion
    /// ``FoundCaption/mark`` of the file beside it, or ``FoundCaption/markOfRefused``.
    var beside: [UInt8]?
    var sha256: [UInt8]?
    var kind: String
    var hasItems: Bool
}
