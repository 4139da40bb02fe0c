extension String {
    /// As one types it in a shell.
    package var shellWord: String {
        let isPlain = !isEmpty && utf8.allSatisfy { $0 > 127 || Self.plain.contains($0) }
        return isPlain ? self : "'" + replacing("'", with: "'\\''") + "'"
    }

    private static let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./,:+@%=".utf8)
}
