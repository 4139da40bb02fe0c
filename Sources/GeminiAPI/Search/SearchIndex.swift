package import Castor
package import CastorNumerics
import Glibc
import NIOPosix
package import Search
import Synchronization

/// The index that a server searches, of the model that it serves.
package final class SearchIndex: Sendable {
    package let path: String
    let model: ModelIdentity
    /// Whether clients may have the index brought up to what its folders have.
    package let allowsIndexing: Bool
    let indexing = IndexingRun()
    private let pool: WorkerPool
    private let opened = Mutex<Opened?>(nil)
    private let pictures = Mutex(PictureCache())
    /// Of these a page asks for dozens at a time, and one may take seconds: they hold up nothing else.
    private let pictureThreads = NIOThreadPool(numberOfThreads: 2)

    private struct Opened {
        var reader: IndexReader
        var file: CatalogueFile
        var map: (commit: [Int64], map: IndexMap)?
    }

    /// Which file the catalogue is: `castor index --rebuild` puts another one in its place.
    private struct CatalogueFile: Equatable {
        var device: UInt64
        var inode: UInt64

        init?(_ folder: String) {
            var status = stat()
            guard stat("\(folder)/\(IndexReader.catalogueName)", &status) == 0 else { return nil }
            (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino))
        }
    }

    /// Throws what is wrong with the index, and `otherModel` where it was made with another model than this.
    ///
    /// - Parameter pool: of the threads that scan
    package init(path: String, embedder: Embedder, pool: WorkerPool, allowsIndexing: Bool = false) throws {
        self.path = path
        self.allowsIndexing = allowsIndexing
        self.pool = pool
        let reader = try IndexReader(path: path, pool: pool)
        model = try ModelIdentity(embedder, known: try reader.model)
        try check(reader)
        pictureThreads.start()
    }

    private func check(_ reader: IndexReader) throws(SearchError) {
        let recorded = try reader.model
        guard recorded.agrees(with: model) else {
            throw .otherModel(path: path, recorded: recorded.summary, given: model.summary)
        }
    }

    /// The index as it is now.
    package func reader() throws(SearchError) -> IndexReader {
        let file = CatalogueFile(path)
        if let opened = opened.withLock({ $0 }), opened.file == file { return opened.reader }
        let reader = try IndexReader(path: path, pool: pool)
        try check(reader)
        pictures.withLock { $0 = PictureCache() }
        opened.withLock { $0 = file.map { Opened(reader: reader, file: $0) } }
        return reader
    }

    /// Computed once a commit.
    package func map() throws(SearchError) -> IndexMap {
        let reader = try reader()
        let commit = try reader.commit
        if let known = opened.withLock({ $0?.reader === reader ? $0?.map : nil }), known.commit == commit {
            return known.map
        }
        let map = try reader.map()
        opened.withLock { if $0?.reader === reader { $0?.map = (commit, map) } }
        return map
    }

    /// A JPEG file, drawn once; nil where there is none.
    func picture(of hit: SearchHit, side: Int, draw: @escaping @Sendable () throws -> [UInt8]?) async throws -> [UInt8]?
    {
        let key = PictureCache.Key(item: hit.item, side: side)
        if let known = pictures.withLock({ $0[key] }) { return known }
        let drawn = try await pictureThreads.runIfActive(draw)
        if let drawn { pictures.withLock { $0[key] = drawn } }
        return drawn
    }
}

/// The pictures that were asked for last.
private struct PictureCache {
    struct Key: Hashable {
        var item: Int64
        var side: Int
    }

    private var files: [Key: (bytes: [UInt8], used: Int)] = [:]
    private var byteCount = 0
    private var clock = 0

    private static let maxBytes = 64 << 20

    subscript(key: Key) -> [UInt8]? {
        mutating get {
            clock += 1
            files[key]?.used = clock
            return files[key]?.bytes
        }
        set {
            clock += 1
            if let old = files.removeValue(forKey: key) { byteCount -= old.bytes.count }
            guard let newValue, newValue.count < Self.maxBytes / 4 else { return }
            files[key] = (newValue, clock)
            byteCount += newValue.count
            guard byteCount > Self.maxBytes else { return }
            // A quarter at once: sorted seldom.
            for (key, file) in files.sorted(by: { $0.value.used < $1.value.used }) {
                guard byteCount > Self.maxBytes / 4 * 3 else { break }
                files[key] = nil
                byteCount -= file.bytes.count
            }
        }
    }
}
