import CastorNumerics
import Foundation
import Testing

/// Derivatives of norms and activations against differences of the functions themselves, in double precision.
@Suite struct NormKernelTests {
    private static let tolerance = 3e-5

    private func values(_ count: Int, _ seed: Int) -> [Float] {
        (0..<count).map {
            Float((Double($0 * 7 + seed * 13 + 1) * 0.618_033_988_75).truncatingRemainder(dividingBy: 1)) * 4 - 2
        }
    }

    /// Sum of dy * norm(x) of one row.
    private func loss(_ x: [Double], _ weight: [Double], _ dy: [Double], isCentered: Bool) -> Double {
        let mean = isCentered ? x.reduce(0, +) / Double(x.count) : 0
        let square = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)
        return x.indices.reduce(0) { $0 + dy[$1] * weight[$1] * (x[$1] - mean) / (square + 1e-5).squareRoot() }
    }

    @Test(arguments: [true, false], [2, 7, 8, 31, 64])
    func norms(isCentered: Bool, count: Int) {
        let x = Matrix(rows: 3, columns: count, values: values(3 * count, 1))
        let dy = Matrix(rows: 3, columns: count, values: values(3 * count, 2))
        let weight = Matrix(rows: 1, columns: count, values: values(count, 3))
        for hasWeight in [true, false] {
            let kernel = NormKernel(
                isCentered: isCentered, weight: hasWeight ? UnsafePointer(weight.pointer) : nil, epsilon: 1e-5)
            let (dWeight, dBias) = (Matrix(rows: 1, columns: count), Matrix(rows: 1, columns: count))
            let room = Matrix(rows: 1, columns: NormKernel.roomNeeded(columns: count))
            let dx = dy.copy()
            // In place: dx takes the room of dy.
            kernel.backward(
                Block(dx), input: Block(x), into: Block(dx), room: room.pointer, dWeight: dWeight.pointer,
                dBias: dBias.pointer)
            let factors = hasWeight ? weight.values.map(Double.init) : [Double](repeating: 1, count: count)
            var (weightGradient, biasGradient) = (
                [Double](repeating: 0, count: count), [Double](repeating: 0, count: count)
            )
            for row in 0..<3 {
                let (own, slope) = (
                    x[row..<row + 1].values.map(Double.init), dy[row..<row + 1].values.map(Double.init)
                )
                for column in 0..<count {
                    func moved(_ distance: Double) -> Double {
                        var x = own
                        x[column] += distance
                        return loss(x, factors, slope, isCentered: isCentered)
                    }
                    func weighted(_ distance: Double) -> Double {
                        var factors = factors
                        factors[column] += distance
                        return loss(own, factors, slope, isCentered: isCentered)
                    }
                    expectClose(dx.row(row)[column], (moved(1e-5) - moved(-1e-5)) / 2e-5, "dx \(row) \(column)")
                    weightGradient[column] += (weighted(1e-3) - weighted(-1e-3)) / 2e-3
                    biasGradient[column] += slope[column]
                }
            }
            for column in 0..<count {
                expectClose(dWeight.pointer[column], weightGradient[column], "dweight \(column)")
                expectClose(dBias.pointer[column], biasGradient[column], "dbias \(column)")
            }
        }
    }

    private func expectClose(_ found: Float, _ expected: Double, _ what: String) {
        #expect(
            abs(Double(found) - expected) <= Self.tolerance * max(1, abs(expected)), "\(what): \(found) for \(expected)"
        )
    }

    @Test func activations() {
        func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
        let functions: [(String, (Double) -> Double, (Lanes) -> Lanes)] = [
            ("gelu", { $0 * 0.5 * erfc(-$0 / 2.0.squareRoot()) }, { exactGELUDerivative($0) }),
            ("silu", { $0 * sigmoid($0) }, { siluDerivative($0) }),
            ("quick gelu", { $0 * sigmoid(1.702 * $0) }, { quickGELUDerivative($0) }),
        ]
        for (name, function, derivative) in functions {
            for step in -400...400 {
                let x = Double(step) * 0.05
                let expected = (function(x + 1e-5) - function(x - 1e-5)) / 2e-5
                let found = derivative(Lanes(repeating: Float(x)))[0]
                #expect(abs(Double(found) - expected) <= 2e-6, "\(name)'(\(x)): \(found) for \(expected)")
            }
        }
        for (x, slope) in [(-3.0, 0), (0.0, 0), (0.5, 1)] as [(Float, Float)] {
            #expect(reluDerivative(Lanes(repeating: x))[0] == slope)
        }
    }
}
