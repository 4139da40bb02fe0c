import Castor
import FoundationEssentials
import ServerState

/// `File`, as clients send it: what they may set, and the rest by name only.
struct FileBody: Decodable {
    /// Without `files/`.
    var id: String?
    var displayName: String?
    var mimeType: String?
    var sizeBytes: Int?

    private static let schema = WireSchema([
        "name", "display_name", "mime_type", "size_bytes", "create_time", "update_time", "expiration_time",
        "sha256_hash",
        "uri", "download_uri", "state", "source", "error", "video_metadata",
    ])

    init(from decoder: any Decoder) throws {
        let fields = try WireObject(decoder, Self.schema)
        id = try fields.string("name").flatMap { $0.isEmpty ? nil : $0 }
        if let name = id, name.hasPrefix("files/") { id = String(name.dropFirst("files/".count)) }
        displayName = try fields.string("display_name")
        mimeType = try fields.string("mime_type")
        sizeBytes = try fields.int64("size_bytes")
        if let sizeBytes, sizeBytes < 0 { throw fields.failure("size_bytes", "TYPE_INT64") }
    }

    init() {}
}

/// `{"file": File}`
struct CreateFileBody: Decodable {
    var file = FileBody()

    private static let schema = WireSchema(["file"])

    init(from decoder: any Decoder) throws {
        file = try WireObject(decoder, Self.schema).value("file", FileBody.self) ?? FileBody()
    }

    init() {}
}

extension JSONWriter {
    /// A `File`. `base` is `http://host/v1beta`.
    mutating func file(_ file: StoredFile, base: String) {
        raw("{\"name\":\"files/\(file.id)\"")
        if let name = file.displayName {
            raw(",\"displayName\":")
            string(name)
        }
        raw(",\"mimeType\":")
        string(file.mimeType)
        raw(
            ",\"sizeBytes\":\"\(file.sizeBytes)\",\"createTime\":\"\(file.createTime.rfc3339)\",\"updateTime\":\"\(file.updateTime.rfc3339)\",\"expirationTime\":\"\(file.expirationTime.rfc3339)\""
        )
        // The service gives the digest's hexadecimal letters in Base64, not its bytes.
        let digits = Array("0123456789abcdef".utf8)
        let hexadecimal = file.sha256.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        raw(",\"sha256Hash\":\"\(Data(hexadecimal).base64EncodedString())\",\"uri\":")
        string("\(base)/files/\(file.id)")
        if file.source == .generated {
            raw(",\"downloadUri\":")
            string("\(base)/files/\(file.id):download?alt=media")
        }
        raw(",\"state\":\"\(file.state.rawValue)\",\"source\":\"\(file.source.rawValue)\"")
        if let failure = file.failure {
            raw(",\"error\":{\"code\":3,\"message\":")
            string(failure)
            raw("}")
        }
        if let duration = file.videoDuration {
            let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
            raw(",\"videoMetadata\":{\"videoDuration\":\"\(seconds)s\"}")
        }
        raw("}")
    }
}
