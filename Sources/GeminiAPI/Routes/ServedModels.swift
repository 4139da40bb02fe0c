package import Castor

/// The names under which the loaded model answers.
package struct ServedModels: Sendable {
    package struct Entry: Sendable, Equatable {
        /// Without `models/`.
        package let id: String
        package let version: String
        package let displayName: String
        package let description: String
        package let inputTokenLimit: Int
        /// Version 1 of the service: text only, of unit length at the full size alone, and with a task that has an effect.
        package let isVersion1: Bool
    }

    /// In the order of the list.
    package let entries: [Entry]

    package init(_ model: ModelInfo) {
        let multimodal = "Obtain a distributed representation of multimodal content."
        var entries = [
            Entry(
                id: "gemini-embedding-2", version: "2", displayName: "Gemini Embedding 2", description: multimodal,
                inputTokenLimit: model.maxTokens, isVersion1: false),
            Entry(
                id: "gemini-embedding-2-preview", version: "2", displayName: "Gemini Embedding 2 Preview",
                description: multimodal, inputTokenLimit: model.maxTokens, isVersion1: false),
            Entry(
                id: "gemini-embedding-001", version: "001", displayName: "Gemini Embedding 001",
                description: "Obtain a distributed representation of a text.",
                inputTokenLimit: min(2_048, model.maxTokens), isVersion1: true),
        ]
        if !entries.contains(where: { $0.id == model.name }) {
            entries.append(
                Entry(
                    id: model.name, version: "1", displayName: model.name,
                    description: Self.description(model),
                    inputTokenLimit: model.maxTokens, isVersion1: false))
        }
        self.entries = entries
    }

    private static func description(_ model: ModelInfo) -> String {
        let local = "The local model that answers under all of these names."
        guard model.isImported else { return "\(local) State: \(model.state)." }
        var text =
            "\(local) An imported checkpoint of the family \(model.family). Takes \(model.media.joined(separator: ", ")). "
        text += "\(model.dimensions) values"
        let smaller = model.matryoshkaDimensions.filter { $0 < model.dimensions }
        if !smaller.isEmpty { text += ", also meant for \(smaller.map(String.init).joined(separator: ", "))" }
        text += ". \(model.costPerToken) multiply-adds a token of text."
        if !model.prompts.isEmpty { text += " Prompts: \(model.prompts.keys.sorted().joined(separator: ", "))." }
        return text
    }

    /// By name, with or without `models/`, a publisher's path or Vertex' full one before it.
    package subscript(_ name: String) -> Entry? {
        let id = Self.id(name)
        return entries.first { $0.id == id }
    }

    /// ` Did you mean models/gemini-embedding-2?`, empty where no name is near.
    ///
    /// - Parameter prefix: what the names begin with where they are asked for
    package func hint(for name: String, prefix: String = "models/") -> String {
        let id = Self.id(name)
        // Longer names get no advice.
        guard id.utf8.count <= 100, let meant = Spelling.nearest(to: id, among: entries.map(\.id)) else { return "" }
        return " Did you mean \(prefix)\(meant)?"
    }

    /// `gemini-embedding-2` of `projects/p/locations/l/publishers/google/models/gemini-embedding-2`.
    package static func id(_ name: String) -> String {
        let segments = name.split(separator: "/", omittingEmptySubsequences: false)
        if segments.count == 8, segments[0] == "projects", segments[2] == "locations",
            segments[4...6] == ["publishers", "google", "models"]
        {
            return String(segments[7])
        }
        for prefix in ["models/", "publishers/google/models/"] where name.hasPrefix(prefix) {
            return String(name.dropFirst(prefix.count))
        }
        return name
    }
}
