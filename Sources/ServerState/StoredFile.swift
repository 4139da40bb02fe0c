import FoundationEssentials
import GRDB

package enum FileState: String, Sendable {
    case processing = "PROCESSING"
    case active = "ACTIVE"
    case failed = "FAILED"
}

package enum FileSource: String, Sendable {
    case uploaded = "UPLOADED"
    /// Results of a batch job.
    case generated = "GENERATED"
}

/// A file as the service describes it.
package struct StoredFile: Sendable, Equatable {
    /// Without `files/`.
    package let id: String
    package let displayName: String?
    package let mimeType: String
    package let sizeBytes: Int
    /// 32 bytes.
    package let sha256: [UInt8]
    package let state: FileState
    package let source: FileSource
    /// Why the state is ``FileState/failed``.
    package let failure: String?
    package let videoDuration: Duration?
    package let createTime: Timestamp
    package let updateTime: Timestamp
    package let expirationTime: Timestamp
    let sequence: Int64
    let blob: String

    init(row: Row) {
        id = row["id"]
        displayName = row["displayName"]
        mimeType = row["mimeType"]
        sizeBytes = row["sizeBytes"]
        sha256 = [UInt8](row["sha256"] as Data)
        // Only this module writes the table.
        // Words of another castor's are nothing that this one can use.
        state = FileState(rawValue: row["state"]) ?? .failed
        source = FileSource(rawValue: row["source"]) ?? .uploaded
        failure = row["failure"]
        videoDuration = (row["videoMicroseconds"] as Int64?).map { .microseconds($0) }
        createTime = Timestamp(microseconds: row["createTime"])
        updateTime = Timestamp(microseconds: row["updateTime"])
        expirationTime = Timestamp(microseconds: row["expirationTime"])
        sequence = row["sequence"]
        blob = row["blob"]
    }
}

/// One page of a list.
package struct Page<Element: Sendable>: Sendable {
    package let elements: [Element]
    /// nil on the last page.
    package let nextPageToken: String?
}

/// A page token is the sequence number of the last element, in hexadecimal.
enum PageToken {
    static func text(_ sequence: Int64) -> String { String(sequence, radix: 16) }

    /// The first page has an empty token.
    static func sequence(_ text: String?) throws(StateError) -> Int64 {
        guard let text, !text.isEmpty else { return .max }
        guard text.utf8.count <= 16, let sequence = Int64(text, radix: 16), sequence > 0 else {
            throw .invalidPageToken(text)
        }
        return sequence
    }
}
