internal import CKernels
import CastorNumerics

/// Vectors in eight bits a value, with a scale each, as they are scanned: the first values alone, as Matryoshka vectors allow, padded with zeros to
/// what the kernels read at a time.
package struct EightBits: Sendable, Equatable {
    /// Of the vector that are looked at.
    package let size: Int
    /// Bytes of a row.
    package var stride: Int { (size + Self.multiple - 1) / Self.multiple * Self.multiple }
    private static let multiple = Int(CASTOR_DOT_MULTIPLE)

    package init(size: Int) {
        precondition(size > 0)
        self.size = size
    }

    /// Writes ``stride`` bytes: the first values of a vector, divided by their length.
    ///
    /// - Returns: what the integers are multiplied with; 0 where the values are all zero
    package func write(_ vector: UnsafePointer<Float>, into row: UnsafeMutablePointer<Int8>) -> Float {
        row.update(repeating: 0, count: stride)
        var square = 0.0
        for index in 0..<size { square += Double(vector[index]) * Double(vector[index]) }
        guard square > 0 else { return 0 }
        return Float(Double(roundToInt8(vector, into: row, count: size)) / square.squareRoot())
    }

    package func row(of vector: [Float]) -> (values: [Int8], scale: Float) {
        precondition(vector.count >= size)
        var scale: Float = 0
        let values = [Int8](unsafeUninitializedCapacity: stride) { row, count in
            vector.withUnsafeBufferPointer { vector in
                guard let start = row.baseAddress, let values = vector.baseAddress else { return }
                scale = write(values, into: start)
            }
            count = stride
        }
        return (values, scale)
    }
}

/// Ways to compute the scan's sums, which are integers and so equal.
package enum DotKernel: String, Sendable, CaseIterable {
    case portable, avx2, vnni

    package static let best = DotKernel(castor_dot_best())

    /// Those of this processor.
    package static var available: [DotKernel] { allCases.filter { $0.rank <= best.rank } }

    private var rank: Int { Self.allCases.firstIndex(of: self)! }

    private init(_ kernel: castor_dot_kernel) {
        self =
            switch kernel {
            case CASTOR_DOT_VNNI: .vnni
            case CASTOR_DOT_AVX2: .avx2
            default: .portable
            }
    }

    var kernel: castor_dot_kernel {
        switch self {
        case .portable: CASTOR_DOT_PORTABLE
        case .avx2: CASTOR_DOT_AVX2
        case .vnni: CASTOR_DOT_VNNI
        }
    }
}
