import Castor
import Encoder
import Glibc
import Hashing
import Synchronization

/// SHA-256 of the media that a data set names, each read once, by the names that it has in the data.
final class MediaDigests: Sendable {
    private let folder: String
    private let taken = Mutex<[String: [UInt8]]>([:])

    /// - Parameter folder: what names are relative to
    init(folder: String) {
        self.folder = folder
    }

    /// nil where the file cannot be read.
    func callAsFunction(_ name: String) -> [UInt8]? {
        if let digest = taken.withLock({ $0[name] }) { return digest }
        guard let file = try? MappedFile(path: name.hasPrefix("/") ? name : "\(folder)/\(name)") else { return nil }
        let digest = withExtendedLifetime(file) {
            var hash = SHA256()
            hash.update(file.bytes)
            return hash.digest()
        }
        taken.withLock { $0[name] = digest }
        return digest
    }

    /// Of a file that was read already.
    func known(_ name: String) -> [UInt8]? { taken.withLock { $0[name] } }
}

/// What decides on which side of the split a pair is: contents that people take for the same have the same key, whatever their files are called and
/// however a text is written, so that none of them is judged by that is trained on.
struct SplitKeys {
    let digests: MediaDigests

    func callAsFunction(_ content: Content) -> UInt64 {
        var hash = ByteHash()
        for part in content.parts { add(part, to: &hash) }
        return hash.value
    }

    func callAsFunction(file name: String) -> UInt64 {
        var hash = ByteHash()
        add(.file(name), to: &hash)
        return hash.value
    }

    private func add(_ part: Part, to hash: inout ByteHash) {
        switch part {
        case .text(let text):
            hash.add(1)
            hash.add(Self.normal(text))
        case .data(let bytes, _):
            hash.add(2)
            bytes.withUnsafeBytes { hash.add($0) }
        case .file(let path, _):
            hash.add(3)
            if let digest = digests(path) { hash.add(digest) } else { hash.add(path) }
        case .clip(let video, let metadata):
            hash.add(4)
            hash.add("\(metadata)")
            add(video.media, to: &hash)
        }
    }

    /// A text in lower case, its runs of blanks one, without those and punctuation at its ends; one of nothing else as it is.
    static func normal(_ text: String) -> String {
        var scalars: [Unicode.Scalar] = []
        var (isBlank, wordEnd) = (false, 0)
        for scalar in text.lowercased().unicodeScalars {
            if isSpace(scalar) {
                isBlank = true
                continue
            }
            if isBlank, !scalars.isEmpty { scalars.append(" ") }
            isBlank = false
            scalars.append(scalar)
            if !isPunctuation(scalar) { wordEnd = scalars.count }
        }
        guard wordEnd > 0 else { return text }
        var normal = String.UnicodeScalarView()
        normal.append(contentsOf: scalars[..<wordEnd])
        return String(normal)
    }

    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCII ? scalar == " " || (9...13).contains(scalar.value) : scalar.properties.isWhitespace
    }

    private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII {
            return switch scalar {
            case ".", ",", ";", ":", "!", "?", "\"", "'", ")", "-": true
            default: false
            }
        }
        return switch scalar.properties.generalCategory {
        case .otherPunctuation, .finalPunctuation, .closePunctuation, .dashPunctuation: true
        default: false
        }
    }
}

extension SplitKeys {
    /// Both sides' keys of a row.
    struct Pair {
        var query: UInt64
        /// nil where there is none.
        var positive: UInt64?
        /// Whether media are in the positive alone.
        var leansOnPositive: Bool
    }

    /// Keys of rows: those of one side of all pairs. It is the one with media, else the query; the other where that differs more than five times as
    /// often: of a few labels with many texts each the labels would be on one side or the other as a whole.
    static func chosen(_ pairs: [Pair]) -> [UInt64] {
        let positives = pairs.compactMap(\.positive)
        guard positives.count == pairs.count else { return pairs.map(\.query) }
        let (queryCount, positiveCount) = (Set(pairs.map(\.query)).count, Set(positives).count)
        let isPositive =
            pairs.allSatisfy(\.leansOnPositive)
            ? queryCount <= mostRepeated * positiveCount : positiveCount > mostRepeated * queryCount
        return isPositive ? positives : pairs.map(\.query)
    }

    /// Five captions of a picture are common.
    private static let mostRepeated = 5
}
