package import Media

/// Something odd about a part that was embedded all the same, such as a PNG file named `.jpg`.
public struct EmbedNote: Sendable, Hashable {
    /// Counts from 1.
    public let part: Int
    /// The file's, where it is one.
    public let name: String?
    /// What is odd about it.
    public let reason: String

    package init(part: Int, name: String?, _ note: MediaNote) {
        self.part = part
        self.name = name
        reason = note.description
    }
}

extension EmbedNote: CustomStringConvertible {
    /// Part, name and reason in one line.
    public var description: String { "part \(part)\(name.map { " (\($0))" } ?? ""): \(reason)" }

    /// With another number, where each part is a content of its own.
    package func numbered(_ number: Int) -> EmbedNote { EmbedNote(part: number, name: name, reason: reason) }

    private init(part: Int, name: String?, reason: String) {
        (self.part, self.name, self.reason) = (part, name, reason)
    }
}
