import Castor
import CastorJSON
import FoundationEssentials
import ServerState

/// `File`, as clients send it: what they may set, and the rest by name only.
struct FileBody: WireBody {
    /// Without `files/`.
    var id: String?
    var displayName: String?
    var mimeType: String?
    var sizeBytes: Int?

    init(_ json: inout JSONReader) throws(JSONError) {
        try json.startObject()
        while let name = try json.nextField() {
            switch name {
            case "name":
                let name = try json.wireString()
                id = name.isEmpty ? nil : name.hasPrefix("files/") ? String(name.dropFirst("files/".count)) : name
            case "display_name": displayName = try json.wireString()
            case "mime_type": mimeType = try json.wireString()
            case "size_bytes":
                let bytes = try json.wireInt64()
                guard bytes >= 0 else { throw json.failure(.value("must not be below 0")) }
                sizeBytes = bytes
            case "create_time", "update_time", "expiration_time", "sha256_hash", "uri", "download_uri", "state",
                "source", "error", "video_metadata":
                try json.skip()
            default: try json.unknown(name)
            }
        }
    }

    init() {}
}

/// `{"file": File}`
struct CreateFileBody: WireBody {
    var file = FileBody()

    init(_ json: inout JSONReader) throws(JSONError) {
        try json.startObject()
        while let name = try json.nextField() {
            switch name {
            case "file": file = try FileBody(&json)
            default: try json.unknown(name)
            }
        }
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
