import CastorNumerics
import Encoder
import Glibc

/// Vectors in a NumPy file, `[count, dimensions]` of f32 or f16, little-endian, C order; mapped, so that only those that
/// are asked for are read.
package struct VectorFile: Sendable {
    package let count: Int
    package let dimensions: Int
    private let isHalf: Bool
    private let start: Int
    private let file: MappedFile

    package init(path: String) throws(DataError) {
        do { file = try MappedFile(path: path) } catch { throw DataError(error) }
        func fail(_ reason: String) -> DataError { .teacher(path: path, reason: reason) }
        let bytes = file.bytes
        guard bytes.count >= 12, bytes.starts(with: [0x93] + Array("NUMPY".utf8)) else {
            throw fail("is not a NumPy file (.npy)")
        }
        let isFirst = bytes[6] == 1
        let length =
            isFirst
            ? Int(bytes.loadUnaligned(fromByteOffset: 8, as: UInt16.self))
            : Int(bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
        start = (isFirst ? 10 : 12) + length
        guard start <= bytes.count, length < 1 << 16 else { throw fail("its header is cut short") }
        let header = String(decoding: bytes[(start - length)..<start], as: UTF8.self)
        let type = Self.value("descr", in: header)?.filter { $0 != "'" && $0 != "\"" } ?? ""
        guard ["<f4", "<f2"].contains(type) else {
            throw fail("holds numbers of the type \(type), vectors are f32 or f16 (<f4, <f2)")
        }
        guard Self.value("fortran_order", in: header) == "False" else {
            throw fail("is in Fortran order; save it with numpy.ascontiguousarray")
        }
        let shape = Self.shape(in: header)
        guard let shape, shape.count == 2, shape[1] > 0 else {
            throw fail("has the shape \(shape ?? []), vectors are [samples, dimensions]")
        }
        isHalf = type == "<f2"
        (count, dimensions) = (shape[0], shape[1])
        let (values, overflow) = count.multipliedReportingOverflow(by: dimensions)
        guard !overflow, values <= (bytes.count - start) / (isHalf ? 2 : 4) else {
            throw fail("its header promises \(count) vectors of \(dimensions), and the file is shorter")
        }
    }

    private static func value(_ key: String, in header: String) -> String? {
        let parts = header.split(separator: "'\(key)':", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        return parts[1].drop { $0 == " " }.prefix { $0 != "," && $0 != "}" }.filter { $0 != " " }
    }

    private static func shape(in header: String) -> [Int]? {
        let parts = header.split(separator: "'shape':", maxSplits: 1)
        guard parts.count == 2, let open = parts[1].firstIndex(of: "("), let close = parts[1].firstIndex(of: ")"),
            open < close
        else { return nil }
        let numbers = parts[1][parts[1].index(after: open)..<close].split(separator: ",").map {
            Int($0.filter { $0 != " " }) ?? -1
        }
        return numbers.allSatisfy { $0 >= 0 } ? numbers : nil
    }

    /// nil where a value is not finite.
    package func vector(_ index: Int) -> [Float]? {
        precondition((0..<count).contains(index))
        var values = [Float](repeating: 0, count: dimensions)
        let source = file.bytes.baseAddress! + start + index * dimensions * (isHalf ? 2 : 4)
        if isHalf {
            guard halfIsFinite(source, count: dimensions) else { return nil }
            convertHalf(source, into: &values, count: dimensions)
        } else {
            values.withUnsafeMutableBytes {
                $0.copyMemory(from: UnsafeRawBufferPointer(start: source, count: $0.count))
            }
            guard values.allSatisfy(\.isFinite) else { return nil }
        }
        return values
    }
}
