package import Castor
package import CastorJSON

extension EmbedRequest: WireBody {}

extension BatchRequest: WireBody {}

/// `BatchEmbedContentsRequest`
package struct BatchEmbedRequestBody: WireBody {
    package var requests: [EmbedRequest] = []

    package init(_ json: inout JSONReader) throws(JSONError) {
        try json.startObject()
        while let name = try json.nextField() {
            switch name {
            case "requests": requests = try json.list { (json) throws(JSONError) in try EmbedRequest(&json) }
            default: try json.unknown(name)
            }
        }
    }
}

extension JSONReader {
    /// A repeated field; a single value counts as a list of it.
    mutating func list<Item>(_ item: (inout JSONReader) throws(JSONError) -> Item) throws(JSONError) -> [Item] {
        var items: [Item] = []
        try startRepeated()
        while try nextItem() { items.append(try item(&self)) }
        return items
    }
}
