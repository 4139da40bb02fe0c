import Castor
import Media

/// What samples are made of beside text.
package struct MediaKinds: OptionSet, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    package static let images = MediaKinds(rawValue: 1)
    package static let sounds = MediaKinds(rawValue: 2)
    /// Films and documents, of whose pictures a model sees many.
    package static let long = MediaKinds(rawValue: 4)
    /// Files and bytes whose kind shows when they are decoded.
    package static let unknown = MediaKinds(rawValue: 8)

    init(_ sample: Sample) {
        self = []
        for part in sample.contents.flatMap(\.parts) { formUnion(MediaKinds(part)) }
    }

    /// Of a part, by what is said of it and by its file's name.
    init(_ part: Part) {
        switch part {
        case .text: self = []
        case .clip: self = .long
        case .data(let bytes, let mimeType):
            self.init(
                mimeType.flatMap(MediaType.init(mimeType:)) ?? bytes.withUnsafeBytes { MediaType.sniff($0.bytes) })
        case .file(let path, let mimeType):
            self.init(mimeType.flatMap(MediaType.init(mimeType:)) ?? MediaType(fileName: path))
        }
    }

    private init(_ type: MediaType?) {
        switch type {
        case .image: self = .images
        case .audio: self = .sounds
        case .video, .document: self = .long
        case nil: self = .unknown
        }
    }
}
