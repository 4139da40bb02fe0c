/// What a client calls its files and jobs.
enum DisplayName {
    /// As the service has it for files. Characters of Unicode's tables are counted: of what people take for one, a client could make any length.
    static let maxCharacters = 512

    static func check(_ name: String?) throws(StateError) {
        guard let count = name?.unicodeScalars.count, count > maxCharacters else { return }
        throw .displayNameTooLong(count: count, limit: maxCharacters)
    }
}
