/// Any JSON value, to be written again as it was read.
enum JSONEcho: Codable, Sendable {
    case null
    case bool(Bool)
    case whole(Int64)
    case number(Double)
    case string(String)
    case list([JSONEcho])
    case object([String: JSONEcho])

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let bool = try? value.decode(Bool.self) {
            self = .bool(bool)
        } else if let whole = try? value.decode(Int64.self) {
            self = .whole(whole)
        } else if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else if let string = try? value.decode(String.self) {
            self = .string(string)
        } else if let list = try? value.decode([JSONEcho].self) {
            self = .list(list)
        } else {
            self = .object(try value.decode([String: JSONEcho].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        switch self {
        case .null: try value.encodeNil()
        case .bool(let bool): try value.encode(bool)
        case .whole(let whole): try value.encode(whole)
        case .number(let number): try value.encode(number)
        case .string(let string): try value.encode(string)
        case .list(let list): try value.encode(list)
        case .object(let object): try value.encode(object)
        }
    }
}
