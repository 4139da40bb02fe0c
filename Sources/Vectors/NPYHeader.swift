/// What stands before the values in NumPy's files, format 1.0.
package enum NPYHeader {
    /// - Parameters:
    ///   - type: `<f4`, `<f2`
    ///   - shape: one number or two
    package static func bytes(type: String, shape: [Int]) -> [UInt8] {
        let sizes = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
        var header = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(sizes)), }"
        // Magic, version, length and header fill a multiple of 64 bytes, the last of them a line feed.
        header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
        return [0x93] + Array("NUMPY".utf8) + [1, 0] + [UInt8(header.utf8.count & 0xff), UInt8(header.utf8.count >> 8)]
            + Array(header.utf8)
    }
}
