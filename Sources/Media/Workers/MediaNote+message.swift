extension MessageWriter {
    /// More are left out: a message has a bound.
    static let maxNotes = 32

    mutating func append(_ notes: [MediaNote]) {
        let notes = notes.prefix(Self.maxNotes)
        append(notes.count)
        for note in notes { append(note) }
    }

    private mutating func append(_ note: MediaNote) {
        switch note {
        case .mislabelled(let declared, let found):
            append(UInt8(0))
            append(declared.mimeType)
            append(found.mimeType)
        case .junkBefore(let type, let bytes):
            append(UInt8(1))
            append(type.mimeType)
            append(bytes)
        case .damaged(let format, let reason):
            append(UInt8(2))
            append(format)
            append(reason)
        case .shorter(let format, let seconds, let claimed):
            append(UInt8(3))
            append(format)
            append(seconds)
            append(claimed)
        case .soundShorter(let format, let seconds, let claimed):
            append(UInt8(4))
            append(format)
            append(seconds)
            append(claimed)
        }
    }
}

extension MessageReader {
    mutating func notes() throws(WorkerLie) -> [MediaNote] {
        var notes: [MediaNote] = []
        for _ in 0..<(try int(in: 0...MessageWriter.maxNotes)) { notes.append(try note()) }
        return notes
    }

    private mutating func note() throws(WorkerLie) -> MediaNote {
        switch try byte() {
        case 0: .mislabelled(declared: try mediaType(), found: try mediaType())
        case 1: .junkBefore(try mediaType(), bytes: try int(in: 0...Int.max))
        case 2: .damaged(format: try text(), reason: try text())
        case 3: .shorter(format: try text(), seconds: try double(), claimed: try double())
        case 4: .soundShorter(format: try text(), seconds: try double(), claimed: try double())
        default: throw WorkerLie()
        }
    }

    mutating func mediaType() throws(WorkerLie) -> MediaType {
        guard let type = MediaType(mimeType: try text()) else { throw WorkerLie() }
        return type
    }
}
