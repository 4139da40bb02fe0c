import HTTPTypes
import Hashing
package import Hummingbird

/// The API keys that are let in. Without any, everybody is.
package struct KeyRing: Sendable {
    private let digests: [[UInt8]]

    package init(_ keys: [String]) {
        digests = keys.map(Self.digest)
    }

    package var isEmpty: Bool { digests.isEmpty }

    /// Every key is compared, by SHA-256 and without an early exit: the time tells neither a key's length nor its letters.
    package func contains(_ key: String) -> Bool {
        let given = Self.digest(key)
        var found: UInt8 = 0
        for digest in digests {
            var difference: UInt8 = 0
            for (a, b) in zip(digest, given) { difference |= a ^ b }
            found |= difference == 0 ? 1 : 0
        }
        return found == 1
    }

    /// Looks for a key in `x-goog-api-key`, `Authorization: Bearer`, and the query's `key`, in this order.
    package func check(_ request: Request) throws(APIError) {
        guard !isEmpty else { return }
        guard let key = Self.key(of: request), !key.isEmpty else { throw .missingKey }
        guard contains(key) else { throw .invalidKey }
    }

    private static func key(of request: Request) -> String? {
        if let key = request.headers[.googleAPIKey] { return key }
        if let authorization = request.headers[.authorization] {
            let words = authorization.split(separator: " ", maxSplits: 1)
            if words.count == 2, words[0].lowercased() == "bearer" { return String(words[1]) }
        }
        return request.uri.queryParameters["key"].map(String.init)
    }

    private static func digest(_ key: String) -> [UInt8] {
        SHA256.digest(Array(key.utf8))
    }
}

extension HTTPField.Name {
    static let googleAPIKey = Self("x-goog-api-key")!
    static let serverTimeout = Self("x-server-timeout")!
    static let serverTiming = Self("server-timing")!
    static let truncated = Self("x-castor-truncated")!
    static let notes = Self("x-castor-notes")!
}
