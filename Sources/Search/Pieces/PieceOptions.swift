/// How files that are longer than one content are divided.
package struct PieceOptions: Sendable {
    package var text = TextChunks.Options()
    /// Of sounds and films. The default is 20.
    package var windowSeconds = 20.0
    /// Of a window that the next one begins with. The default is 4.
    package var overlapSeconds = 4.0
    /// Larger files are mapped instead of read. The default is 256 MiB.
    package var maxReadBytes = 256 << 20
    /// Of a text, a picture or a document, which are in memory as a whole. The default is 1 GiB.
    package var maxWholeBytes = 1 << 30
    /// Of a sound that is decoded at a time. The default is twenty minutes.
    package var soundStretchSeconds = 1200.0
    /// Of a document. The default is 20,000.
    package var maxPages = 20_000
    /// For rendering a document of many pages, in seconds of its process's work. The default is an hour.
    package var maxDocumentSeconds = 3600.0
    /// Characters of an item's text that are kept to be shown. The default is 240.
    package var snippetLength = 240

    package init() {}

    /// Windows over something so long, in seconds; the last one ends with it.
    func windows(over seconds: Double) -> [Range<Double>] {
        guard seconds > windowSeconds + overlapSeconds else { return [0..<max(seconds, 0.001)] }
        let step = windowSeconds - overlapSeconds
        var windows: [Range<Double>] = []
        var start = 0.0
        while true {
            // What would be left over is no window of its own.
            if start + windowSeconds + overlapSeconds >= seconds {
                windows.append(start..<seconds)
                return windows
            }
            windows.append(start..<start + windowSeconds)
            start += step
        }
    }
}
