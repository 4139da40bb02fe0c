import Castor
import CastorNumerics
import Hashing
import Synchronization

/// One group of files: read, decoded, embedded, committed.
extension Indexer {
    /// A file as a worker leaves it.
    private struct Looked: @unchecked Sendable {
        var file: SourceFile
        /// nil where it is gone, or has the bytes of a known one.
        var pieces: [PreparedPiece] = []
        /// What is left of a file of many pieces: one thread at a time has it.
        var rest: FilePieces?
        var isGone = false
        /// Whether the index had its bytes when it was looked into.
        var isTwin = false
        /// What is beside it, where its item is made of that, too.
        var caption: FoundCaption?
    }

    func index(
        _ group: ArraySlice<FoundFile>, _ plan: inout IndexPlan, _ summary: inout IndexSummary,
        _ progress: inout IndexProgress
    ) throws(SearchError) {
        let files = Array(group)
        let waiting = Atomic<Int>(0)
        let slots = Slots<Looked>(count: files.count)
        let known = plan
        embedder.onWorkers(files.count) { index in
            slots[index] = look(into: files[index], known, waiting)
        }
        var looked = slots.values
        var vectors = embed(&looked)
        var changes: [IndexChange] = []
        for index in looked.indices {
            if looked[index].isTwin,
                !plan.hasTwin(sha256: looked[index].file.sha256 ?? [], kind: looked[index].file.kind)
            {
                // The file that had the same bytes has others now.
                looked[index] = look(into: files[index], nil, Atomic(0))
                var again = [looked[index]]
                vectors[index] = embed(&again)[0]
                looked[index] = again[0]
            }
            if looked[index].rest != nil, !looked[index].isGone {
                // Alone, and made durable alone.
                try commit(changes, &plan)
                changes = []
                vectors[index] += embedRest(&looked[index])
            }
            if let change = change(looked[index], vectors[index], &plan, &summary) { changes.append(change) }
            vectors[index] = []
            progress.files += 1
            progress.bytes += files[index].version.size
            progress.items = summary.items
            if options.isStopped(), looked[index].rest != nil {
                summary.isStopped = true
                break
            }
        }
        try commit(changes, &plan)
    }

    /// - Parameter plan: nil where it does not matter whether the bytes are known
    private func look(into found: FoundFile, _ plan: IndexPlan?, _ waiting: borrowing Atomic<Int>) -> Looked {
        let read: FileBytes
        switch FileBytes.read(found.path, maxBytes: .max, mapsAbove: options.pieces.maxReadBytes) {
        case .success(let bytes): read = bytes
        case .failure(let failure):
            var file = SourceFile(path: found.path, version: failure.version ?? found.version, problem: failure.problem)
            file.isYoung = failure.version == nil
            file.beside = found.caption?.markOfRefused
            return Looked(file: file, isGone: failure.isGone)
        }
        var file = SourceFile(path: found.path, version: read.version, isYoung: read.isYoung)
        file.beside = found.caption?.markOfRefused
        do {
            // Before it is read: what others keep beside their films may have any size.
            try FilePieces.require(read.source, options.pieces)
            file.sha256 = digest(read.source)
            let isPicture = FilePieces.isPicture(read.source)
            let caption = isPicture ? caption(found, &file) : nil
            let pieces = try FilePieces(
                read, path: found.path, caption: caption?.text, embedder: embedder, options: options.pieces)
            file.kind = pieces.kind
            var looked = Looked(file: file)
            looked.caption = caption?.found
            if plan?.hasTwin(sha256: file.sha256 ?? [], kind: file.kind) == true {
                looked.isTwin = true
                return looked
            }
            try prepare(pieces, &looked, waiting)
            return looked
        } catch {
            file.problem = error
            return Looked(file: file)
        }
    }

    /// nil where it was stopped: a large file takes a while.
    private func digest(_ source: ByteSource) -> [UInt8]? {
        source.withUnsafeBytes { bytes in
            var hash = SHA256()
            for start in stride(from: 0, to: bytes.count, by: Self.hashedBytes) {
                if start > 0, options.isStopped() { return nil }
                hash.update(UnsafeRawBufferPointer(rebasing: bytes[start..<min(bytes.count, start + Self.hashedBytes)]))
            }
            return hash.digest()
        }
    }

    private static let hashedBytes = 64 << 20

    /// What the file beside a picture says of it, which then is of what the picture's item is made.
    /// One that says nothing says all that it has to say.
    private func caption(_ found: FoundFile, _ file: inout SourceFile) -> (found: FoundCaption, text: String?)? {
        guard let beside = found.caption else { return nil }
        do throws(Problem) {
            switch FileBytes.read(beside.path, maxBytes: CaptionText.maxBytes) {
            case .success(let read):
                let caption = FoundCaption(beside.path, read.version, beside.identity)
                file.beside = caption.markOfRefused
                file.isYoung = file.isYoung || read.isYoung
                let text = try CaptionText.read(read.bytes, beside.path)
                guard !text.isEmpty else { return (caption, nil) }
                file.sha256 = file.sha256.map { SHA256.digest($0 + SHA256.digest(Array(text.utf8))) }
                return (caption, text)
            case .failure(let failure):
                guard failure.isGone else { throw failure.problem }
                // Since the walk: the next look sees it.
                file.isYoung = true
                return nil
            }
        } catch {
            file.problem = Self.problem(of: beside, error)
            return nil
        }
    }

    /// The picture is indexed all the same.
    private static func problem(of caption: FoundCaption, _ problem: Problem) -> Problem {
        Problem(
            problem.reason, "\(RawPath(bytes: Array(caption.path.name)).printable)\(Problem.besideIt)\(problem.detail)")
    }

    private func prepare(
        _ pieces: FilePieces, _ looked: inout Looked, _ waiting: borrowing Atomic<Int>
    ) throws(Problem) {
        while true {
            let isLong = looked.pieces.count >= Self.piecesBeside
            if isLong || waiting.load(ordering: .relaxed) > Self.waitingBytes && !looked.pieces.isEmpty {
                looked.rest = pieces
                return
            }
            do {
                guard let piece = try pieces.next() else { return }
                for prepared in try pieces.prepare(piece) {
                    waiting.add(prepared.content.byteCount, ordering: .relaxed)
                    looked.pieces.append(prepared)
                }
            } catch {
                // What came before it stays.
                guard !looked.pieces.isEmpty else { throw error }
                looked.file.problem = error
                return
            }
        }
    }

    /// What comes behind the pieces that were prepared beside other files.
    private func embedRest(_ looked: inout Looked) -> [NewItem] {
        guard let rest = looked.rest else { return [] }
        var items: [NewItem] = []
        while looked.file.problem == nil, !options.isStopped() {
            var pieces: [FilePieces.Piece] = []
            do {
                while pieces.count < Self.piecesAlone, let piece = try rest.next() { pieces.append(piece) }
            } catch { looked.file.problem = error }
            guard !pieces.isEmpty else { break }
            let slots = Slots<Result<[PreparedPiece], Problem>>(count: pieces.count)
            let shared = SharedPieces(pieces: rest)
            embedder.onWorkers(pieces.count) { index in
                do throws(Problem) { slots[index] = .success(try shared.pieces.prepare(pieces[index])) } catch {
                    slots[index] = .failure(error)
                }
            }
            var prepared: [PreparedPiece] = []
            for result in slots.values {
                switch result {
                case .success(let more): prepared += more
                case .failure(let problem): looked.file.problem = looked.file.problem ?? problem
                }
            }
            var next = [Looked(file: looked.file, pieces: prepared)]
            items += embed(&next)[0]
            looked.file = next[0].file
        }
        // What is there can be found; the next run begins with it again.
        if options.isStopped() { looked.file.isIncomplete = true }
        return items
    }

    /// Preparing reads nothing that moves.
    private struct SharedPieces: @unchecked Sendable {
        let pieces: FilePieces
    }

    /// All pieces in one go; a file's items in the order of its pieces, and what was wrong with one of them as its problem.
    private func embed(_ files: inout [Looked]) -> [[NewItem]] {
        let results = embedder.encode(files.flatMap { $0.pieces.map(\.content) })
        var next = 0
        return files.indices.map { file in
            let pieces = files[file].pieces
            return pieces.compactMap { piece in
                defer { next += 1 }
                switch results[next] {
                case .success(let embedding):
                    return NewItem(
                        medium: piece.medium, place: piece.place, snippet: piece.snippet, vector: embedding.values)
                case .failure(let error):
                    files[file].file.problem = files[file].file.problem ?? Problem(error)
                    return nil
                }
            }
        }
    }

    private func change(
        _ looked: Looked, _ items: [NewItem], _ plan: inout IndexPlan, _ summary: inout IndexSummary
    ) -> IndexChange? {
        // It went between the walk and the look, or while it was read: as if it had never been seen.
        guard !looked.isGone, looked.file.problem?.reason != .changing || looked.file.path.exists else {
            plan.forget(looked.file.path)
            return plan.source(looked.file.path).map { .remove($0.id) }
        }
        var file = looked.file
        if let caption = looked.caption, looked.isTwin || !items.isEmpty {
            file.beside = caption.mark
            plan.take(caption)
        }
        // What was read of one that changes is neither what its digest is of nor what it is.
        if let reason = file.problem?.reason, [.machine, .changing].contains(reason) { file.isIncomplete = true }
        if looked.isTwin, let sha256 = file.sha256,
            let twin = plan.twin(of: file.path, sha256: sha256, kind: file.kind)
        {
            switch twin {
            case .itself(let id):
                // One so young that it had to be looked at again is as it was.
                if plan.isYoung(file.path, id) { summary.unchanged += 1 } else { summary.moved += 1 }
                return .rename(id, file)
            case .other(let id):
                summary.copied += 1
                return .copy(file, of: id)
            }
        }
        summary.items += items.count
        if let known = plan.source(file.path) {
            // One that is young or was no use before, and is none now, is as it was.
            if items.isEmpty, !known.hasItems { summary.unchanged += 1 } else { summary.changed += 1 }
        } else if !items.isEmpty || file.problem == nil {
            // What is left out is told of as such.
            summary.added += 1
        }
        plan.forget(file.path)
        return .put(file, items: items)
    }
}
