import Media

/// About how many tokens a file or bytes of a kind are, by their size.
enum TokenEstimate {
    static func tokens(of byteCount: Int, _ type: MediaType?, imageTokens: Int) -> Int {
        switch type {
        case .image: imageTokens
        // 12.5 patches a second; 16-bit mono at 16 kHz, or about 4 kB/s where compressed.
        case .audio(.wav), .audio(.aiff): byteCount / 2_560
        case .audio(.flac): byteCount / 1_500
        case .audio: byteCount / 300
        // What passes the vision tower: some ten frames, some three pages.
        case .video: 10 * imageTokens
        case .document: 6 * imageTokens
        default: byteCount / 4
        }
    }
}
