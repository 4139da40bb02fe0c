/// What a run has to do: the files that walks found, held against those that the index knows.
struct IndexPlan {
    /// To be looked into, new or perhaps changed.
    private(set) var files: [FoundFile] = []
    private(set) var unchanged = 0
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
        for file in walk.files where seen.insert(file.path).inserted {
            if let source = known[file.path], source.version == file.version, source.beside == file.caption?.mark {
                unchanged += 1
            } else {
                files.append(file)
            }
        }
        // What is in a folder that could not be read is not gone.
        let unread = walk.problems.map(\.path)
        // A folder in which there is nothing at all may be a disk that is not there.
        let lost = roots.filter { root in
            !walk.files.contains { $0.path.isInside(root) }
                && sources.contains { $0.path.isInside(root) && $0.path != root }
        }
        for source in sources
        where !seen.contains(source.path) && roots.contains(where: { source.path.isInside($0) })
            && !(unread + lost).contains(where: { source.path.isInside($0) })
        {
            missing[source.id] = source.path
        }
        emptyRoots = lost
    }

    /// Roots below which the index knows files, and in which there is none now.
    let emptyRoots: [RawPath]

    /// Sources to forget, in the order of their numbers.
    var gone: [Int64] { missing.keys.sorted() }

    func isKnown(_ path: RawPath) -> Bool { known[path] != nil }
    func source(_ path: RawPath) -> KnownSource? { known[path] }

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
            missing[id] = nil
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
    /// ``FoundCaption/mark`` of the file beside it.
    var beside: [UInt8]?
    var sha256: [UInt8]?
    var kind: String
    var hasItems: Bool
}
