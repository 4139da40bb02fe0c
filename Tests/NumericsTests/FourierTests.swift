import CastorNumerics
import Glibc
import TestSupport
import Testing

@Suite struct FourierTests {
    @Test(arguments: [1, 2, 3, 4, 6, 7, 8, 30, 97, 128, 400, 512]) func transformsEqualTheirSums(count: Int) {
        var random = SeededRandom(seed: 3)
        let values = (0..<count).map { _ in
            FourierTransform.Complex(
                Double.random(in: -1...1, using: &random), Double.random(in: -1...1, using: &random))
        }
        let memory = UnsafeMutablePointer<FourierTransform.Complex>.allocate(capacity: 2 * count)
        defer { memory.deallocate() }
        memory.initialize(repeating: .zero, count: 2 * count)
        memory.update(from: values, count: count)
        FourierTransform(count: count)(memory, room: memory + count)
        var worst = 0.0
        for bin in 0..<count {
            var sum = FourierTransform.Complex.zero
            for (index, value) in values.enumerated() {
                let angle = -2 * Double.pi * Double(bin * index % count) / Double(count)
                let (real, imaginary) = (cos(angle), sin(angle))
                sum += FourierTransform.Complex(
                    value.x * real - value.y * imaginary, value.x * imaginary + value.y * real)
            }
            worst = max(worst, abs(sum.x - memory[bin].x), abs(sum.y - memory[bin].y))
        }
        #expect(worst < 1e-12 * Double(count), "\(count) values: \(worst)")
    }
}
