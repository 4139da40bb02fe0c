/// The first part of a path.
package enum APIVersion: String, Sendable, CaseIterable {
    case v1, v1beta, v1alpha, v1beta1
    /// Some clients send none.
    case none = ""

    /// Under which the Gemini API's routes are served.
    package static let gemini: [APIVersion] = [.v1, .v1beta, .v1alpha, .none]
    /// Under which Vertex's are.
    package static let vertex: [APIVersion] = [.v1, .v1beta1, .v1beta]

    /// `/v1beta`
    package var prefix: String { self == .none ? "" : "/\(rawValue)" }

    /// For messages and names of resources.
    package var name: String { self == .none ? "v1beta" : rawValue }
}
