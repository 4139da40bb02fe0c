extension TextTokenizer {
    /// Files that people have are below 40 MB.
    public static let mostBytes = 256 << 20

    /// Reads a `tokenizer.json`. The fields `padding` and `decoder` say nothing about ids and are not looked at.
    ///
    /// - Parameter bytes: the whole file, which is not needed afterwards
    public convenience init(json bytes: UnsafeRawBufferPointer) throws(TokenizerError) {
        self.init(try TokenizerFile(bytes).parts())
    }

    /// As above.
    public convenience init(json bytes: [UInt8]) throws(TokenizerError) {
        let file = try bytes.span.bytes.withUnsafeBytes { (bytes) throws(TokenizerError) in try TokenizerFile(bytes) }
        self.init(try file.parts())
    }
}
