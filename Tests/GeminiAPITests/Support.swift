import Foundation
import Synchronization
import TestSupport

enum Base64Text {
    static func encode(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

    /// A test fixture of `Tests/Fixtures/media`.
    static func file(_ name: String) -> String {
        do { return encode(try Folders.read("\(Folders.fixtures)/media/\(name)")) } catch { fatalError("\(error)") }
    }
}

extension [Float] {
    var length: Float { Float(reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()) }
}

/// Who came when.
final class Order: Sendable {
    private let noted = Mutex<[String]>([])

    var names: [String] { noted.withLock { $0 } }

    func note(_ name: String) { noted.withLock { $0.append(name) } }
}
