package import Castor

extension APIError {
    /// `{"code":..,"message":..,"status":..,"details":[..]}`
    package func writeStatus(to json: inout JSONWriter) {
        json.raw("{\"code\":\(status.code),\"message\":")
        json.string(message)
        json.raw(",\"status\":\"\(status.rawValue)\"")
        if !details.isEmpty {
            json.raw(",\"details\":[")
            for (index, detail) in details.enumerated() {
                if index > 0 { json.raw(",") }
                detail.write(to: &json)
            }
            json.raw("]")
        }
        json.raw("}")
    }

    /// `{"error":{..}}`; the OpenAI face has it in a list, as the hosted one has.
    package func body(inList: Bool) -> [UInt8] {
        var json = JSONWriter()
        json.raw(inList ? "[{\"error\":" : "{\"error\":")
        writeStatus(to: &json)
        json.raw(inList ? "}]\n" : "}\n")
        return json.bytes
    }
}

extension ErrorDetail {
    fileprivate func write(to json: inout JSONWriter) {
        func open(_ type: String) { json.raw("{\"@type\":\"type.googleapis.com/google.rpc.\(type)\"") }
        switch self {
        case .badRequest(let violations):
            open("BadRequest")
            json.raw(",\"fieldViolations\":[")
            for (index, violation) in violations.enumerated() {
                json.raw(index > 0 ? ",{" : "{")
                if !violation.field.isEmpty {
                    json.raw("\"field\":")
                    json.string(violation.field)
                    json.raw(",")
                }
                json.raw("\"description\":")
                json.string(violation.description)
                json.raw("}")
            }
            json.raw("]}")
        case .errorInfo(let reason, let metadata):
            open("ErrorInfo")
            json.raw(",\"reason\":\"\(reason)\",\"domain\":\"googleapis.com\",\"metadata\":{")
            for (index, entry) in metadata.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { json.raw(",") }
                json.string(entry.key)
                json.raw(":")
                json.string(entry.value)
            }
            json.raw("}}")
        case .localizedMessage(let message):
            open("LocalizedMessage")
            json.raw(",\"locale\":\"en-US\",\"message\":")
            json.string(message)
            json.raw("}")
        case .retryInfo(let seconds):
            open("RetryInfo")
            json.raw(",\"retryDelay\":\"\(seconds)s\"}")
        case .quotaFailure(let metric, let id, let value):
            open("QuotaFailure")
            json.raw(",\"violations\":[{\"quotaMetric\":")
            json.string(metric)
            json.raw(",\"quotaId\":")
            json.string(id)
            json.raw(",\"quotaValue\":\"\(value)\"}]}")
        }
    }
}
