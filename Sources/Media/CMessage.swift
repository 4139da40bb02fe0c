/// The buffer in which a C function explains a failure.
struct CMessage {
    private var characters: [CChar]

    init(size: Int) {
        characters = [CChar](repeating: 0, count: size)
    }

    mutating func fill(_ body: (UnsafeMutablePointer<CChar>?) -> Bool) -> Bool {
        characters.withUnsafeMutableBufferPointer { body($0.baseAddress) }
    }

    /// What it says of a file.
    ///
    /// - Parameter noMemory: its words where the machine is at fault and not the file
    func failure(of format: ImageFormat, noMemory: String) -> MediaError {
        let reason = text
        return reason == noMemory
            ? .outOfMemory(format: format.rawValue) : .damaged(format: format.rawValue, reason: reason)
    }

    var text: String {
        String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
