import CastorNumerics

/// Products of rows with weights in single precision on one thread, by each kernel that this processor has, beside BLAS: billions of operations
/// a second of the processor, the best of many.
enum ProductTimes {
    /// Rows, columns, depth: a piece of a large batch, a text alone, one row.
    private static let shapes = [
        (512, 1_536, 384), (512, 384, 1_536), (512, 384, 384), (96, 1_536, 384), (64, 1_536, 384), (16, 1_536, 384),
        (1, 1_536, 384),
    ]

    static func print() throws {
        _ = try WorkerPool(upTo: 1)
        let names = ["BLAS", "few rows"] + PanelKernel.all.map { "panels \($0)" }
        Swift.print("rows x columns x depth  \(names.joined(separator: ", "))")
        for (m, n, k) in shapes {
            let (x, w, y) = (matrix(m, k, 1), matrix(n, k, 2), Matrix(rows: m, columns: n))
            var bodies: [() -> Void] = [{ gemm(Block(x), .no, Block(w), .yes, into: Block(y)) }]
            if let kernel = RowKernel.best {
                let scratch = Scratch()
                bodies.append {
                    rowProduct(PackedRows(Block(x), for: kernel, .f32, scratch), weights: w.pointer, into: Block(y))
                }
            }
            for kernel in PanelKernel.all {
                bodies.append {
                    _ = panelProduct(Block(x), weights: w.pointer, .f32, into: Block(y), kernel: kernel)
                }
            }
            let rates = bodies.map { 2e-9 * Double(m * n * k) / Stopwatch.fastest(40, $0).processor }
            Swift.print("\(m) x \(n) x \(k)  \(rates.map { "\(Int($0.rounded()))" }.joined(separator: ", "))")
        }
    }

    private static func matrix(_ rows: Int, _ columns: Int, _ seed: UInt64) -> Matrix {
        var state = seed
        let values = (0..<rows * columns).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(Int32(truncatingIfNeeded: state >> 32)) / 2_147_483_648
        }
        return Matrix(rows: rows, columns: columns, values: values)
    }
}
