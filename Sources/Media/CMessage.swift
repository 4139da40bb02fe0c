/// The buffer in which a C function explains a failure.
struct CMessage {
    private var characters: [CChar]

    init(size: Int) {
        characters = [CChar](repeating: 0, count: size)
    }

    mutating func fill(_ body: (UnsafeMutablePointer<CChar>?) -> Bool) -> Bool {
        characters.withUnsafeMutableBufferPointer { body($0.baseAddress) }
    }

    var text: String {
        String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
