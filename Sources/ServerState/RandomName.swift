/// Names that cannot be guessed: from the system's random source, which on Linux is getrandom(2).
enum RandomName {
    private static let lowercase = Array("abcdefghijklmnopqrstuvwxyz0123456789".utf8)
    private static let base64URL = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// As the service names files: 12 characters of a-z and 0-9, 62 bits.
    static func file() -> String { characters(12, of: lowercase) }
    /// As the service names batch jobs: 36 characters of a-z and 0-9, 186 bits.
    static func batch() -> String { characters(36, of: lowercase) }
    /// Knowing it is all that an upload asks for, so 256 bits and a few more.
    static func upload() -> String { characters(43, of: base64URL) }
    /// Of a file on disk. Nothing that a client sent is ever part of a path.
    static func blob() -> String { characters(26, of: lowercase) }

    private static func characters(_ count: Int, of alphabet: [UInt8]) -> String {
        var generator = SystemRandomNumberGenerator()
        return String(decoding: (0..<count).map { _ in alphabet.randomElement(using: &generator)! }, as: UTF8.self)
    }
}
