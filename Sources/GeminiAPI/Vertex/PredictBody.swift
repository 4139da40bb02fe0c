import Castor
import CastorJSON

/// The body of Vertex's `:predict` for text models.
struct PredictBody: Sendable {
    var instances: [PredictInstance] = []
    var dimensions: Int?
    var autoTruncate: Bool?

    init(_ json: inout JSONReader, maxInstances: Int) throws(JSONError) {
        try json.startObject()
        while let name = try json.nextField() {
            switch name {
            case "instances":
                instances = try json.list(
                    atMost: maxInstances,
                    else: "The request has more than \(maxInstances) instances; it must have 1 to \(maxInstances)."
                ) { (json) throws(JSONError) in try PredictInstance(&json) }
            case "parameters":
                try json.startObject()
                while let name = try json.nextField() {
                    switch name {
                    case "output_dimensionality": dimensions = try json.wireInt32()
                    case "auto_truncate": autoTruncate = try json.wireBool()
                    default: try json.unknown(name)
                    }
                }
            case "labels": try json.skip()
            default: try json.unknown(name)
            }
        }
    }
}

/// One text of a `:predict`.
struct PredictInstance: WireBody {
    var content = ""
    var task: TaskType?
    var title: String?

    init(_ json: inout JSONReader) throws(JSONError) {
        try json.startObject()
        while let name = try json.nextField() {
            switch name {
            case "content": content = try json.wireString()
            case "task_type": task = try json.wireTask()
            case "title": title = try json.wireString()
            default: try json.unknown(name)
            }
        }
    }
}
