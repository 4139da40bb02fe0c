/// What is odd about a file that gave all its pixels or samples nevertheless. Its owner may want to know; nothing depends on it.
package enum MediaNote: Sendable, Hashable {
    /// The bytes are of another format than their name or MIME type says, of the same kind.
    case mislabelled(declared: MediaType, found: MediaType)
    /// Bytes before the file's beginning.
    case junkBefore(MediaType, bytes: Int)
    /// The file is damaged, but not where its pixels or samples are. `format` is a name such as `jpeg`.
    case damaged(format: String, reason: String)
    /// Both in seconds: what was decoded is not as long as the file says. `format` as above.
    case shorter(format: String, seconds: Double, claimed: Double)
    /// The same of a film's sound.
    case soundShorter(format: String, seconds: Double, claimed: Double)
}

extension MediaNote: CustomStringConvertible {
    package var description: String {
        switch self {
        case .mislabelled(let declared, let found):
            "declared as \(declared.mimeType), but the bytes are \(found.mimeType), and taken as such"
        case .junkBefore(let type, let bytes):
            "damaged \(type.nameOfFiles) file: it begins after \(counted(bytes, "byte")) of something else"
        case .damaged(let format, let reason):
            "damaged \(format) file: \(reason)"
        case .shorter(let format, let seconds, let claimed):
            "the \(format) file says that it is \(rounded(claimed)) s long; \(rounded(seconds)) s are in it"
        case .soundShorter(let format, let seconds, let claimed):
            "the sound of the \(format) file should be \(rounded(claimed)) s long; \(rounded(seconds)) s are in it"
        }
    }
}

/// A number and what is counted, in words: "1 byte", "2 bytes".
func counted(_ count: Int, _ what: String) -> String { "\(count) \(what)\(count == 1 ? "" : "s")" }

/// "1 is", "2 are".
func are(_ count: Int) -> String { "\(count) \(count == 1 ? "is" : "are")" }
