package import FoundationEssentials

extension ModelSpec {
    /// Parses and checks. Throws ``ModelError/configuration(key:reason:)`` with the key that is wrong.
    package init(json: Data) throws(ModelError) {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            self = try decoder.decode(ModelSpec.self, from: json)
        } catch let error as DecodingError {
            throw ModelError(error)
        } catch {
            throw .configuration(key: "(whole file)", reason: "\(error)")
        }
        try check()
    }

    /// `config.json`.
    package var json: Data {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(self) else { preconditionFailure("a spec holds finite numbers and texts") }
        return data
    }
}
