package import Castor
package import HTTPTypes
package import Hummingbird
import NIOCore

extension Response {
    /// 200 with JSON.
    package init(json: JSONWriter, headers: HTTPFields = [:]) {
        self.init(jsonBytes: json.bytes, headers: headers)
    }

    package init(jsonBytes: [UInt8], status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) {
        var headers = headers
        headers[.contentType] = "application/json; charset=UTF-8"
        self.init(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: jsonBytes)))
    }

    /// `{}`
    package static var emptyObject: Response { Response(jsonBytes: Array("{}\n".utf8)) }

    /// An error in the service's form.
    package init(_ error: APIError, inList: Bool = false) {
        self.init(
            jsonBytes: error.body(inList: inList), status: .init(code: error.status.code), headers: error.headers)
    }
}
