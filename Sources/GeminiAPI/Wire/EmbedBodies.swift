package import Castor
package import CastorJSON

extension EmbedRequest: WireBody {}

extension BatchRequest: WireBody {}

/// `BatchEmbedContentsRequest`
package struct BatchEmbedRequestBody: Sendable {
    package var requests: [EmbedRequest] = []

    package init(_ json: inout JSONReader, maxRequests: Int) throws(JSONError) {
        try json.startObject()
        while let name = try json.nextField() {
            switch name {
            case "requests":
                requests = try json.list(atMost: maxRequests, else: Self.complaint(maxRequests)) {
                    (json) throws(JSONError) in try EmbedRequest(&json)
                }
            default: try json.unknown(name)
            }
        }
    }

    /// The service's words.
    static func complaint(_ limit: Int) -> String {
        "* BatchEmbedContentsRequest.requests: at most \(limit) requests can be in one batch\n"
    }
}
