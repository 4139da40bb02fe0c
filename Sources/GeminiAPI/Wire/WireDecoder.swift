import FoundationEssentials
package import NIOCore

/// Bytes of a request to its values.
package enum WireDecoder {
    /// - Parameter isLenient: whether unknown names are passed over.
    package static func decode<Value: Decodable>(
        _ type: Value.Type, from body: ByteBuffer, isLenient: Bool
    ) throws(APIError) -> Value {
        let findings = WireFindings(isLenient: isLenient)
        let decoder = JSONDecoder()
        decoder.userInfo[.wireFindings] = findings
        do {
            let value = try decoder.decode(Value.self, from: Data(body.readableBytesView))
            guard findings.violations.isEmpty else { throw APIError.invalidPayload(findings.violations) }
            return value
        } catch let error as APIError {
            throw error
        } catch let failure as WireFailure {
            throw .invalidPayload(
                findings.violations + [.init(field: failure.field, description: failure.message)])
        } catch {
            throw .invalidPayload([.init(field: "", description: message(error))])
        }
    }

    private static func message(_ error: any Error) -> String {
        switch error as? DecodingError {
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            WireFailure.wrongType(context.codingPath, expected: "of another type").message
        case .dataCorrupted(let context) where !context.codingPath.isEmpty:
            "Invalid value at '\(WireFailure.path(context.codingPath))'"
        default:
            "Invalid JSON payload received. Unexpected token."
        }
    }
}
