import Hashing

/// What lets a browser load an item's file and picture: `<img>` and `<video>` send no key, and a key in a URL would be in its history. A ticket is for
/// one item, and for the life of this process.
struct ItemTickets: Sendable {
    private let secret: [UInt8]

    init() {
        var generator = SystemRandomNumberGenerator()
        secret = (0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    /// 32 hexadecimal digits.
    func ticket(for item: Int64) -> String {
        let inner = SHA256.digest(secret + Array("item \(item)".utf8))
        let digits = Array("0123456789abcdef".utf8)
        let hexadecimal = SHA256.digest(secret + inner).prefix(16).flatMap {
            [digits[Int($0 >> 4)], digits[Int($0 & 15)]]
        }
        return String(decoding: hexadecimal, as: UTF8.self)
    }

    /// Without an early exit: the time tells nothing.
    func isValid(_ ticket: String, for item: Int64) -> Bool {
        let (given, own) = (SHA256.digest(Array(ticket.utf8)), SHA256.digest(Array(self.ticket(for: item).utf8)))
        return zip(given, own).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
