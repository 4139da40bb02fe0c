import CastorNumerics
import TestSupport
import Testing
import Vectors

@Suite struct PrincipalAxesTests {
    /// Vectors that differ in two directions alone, more in one than in the other, keep their distances.
    @Test func aPlaneIsFoundAgain() {
        let (size, count) = (96, 200)
        let axes = randomUnits(2, size, seed: 1)
        var second = (0..<size).map { axes.row(1)[$0] }
        let share = (0..<size).reduce(Float(0)) { $0 + axes.row(0)[$1] * second[$1] }
        for index in 0..<size { second[index] -= share * axes.row(0)[index] }
        let length = second.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let places = randomUnits(count, 2, seed: 2)
        var vectors: [Float] = []
        for row in 0..<count {
            let (a, b) = (3 * places.row(row)[0], places.row(row)[1])
            for index in 0..<size { vectors.append(1 + a * axes.row(0)[index] + b * second[index] / length) }
        }
        let plane = PrincipalAxes.plane(of: vectors, size: size)
        let largest = plane.map { max(abs($0.x), abs($0.y)) }.max() ?? 0
        #expect(abs(largest - 1) < Self.tolerance)
        // Up to one scale, and the direction of the axes.
        func distance(_ a: Int, _ b: Int) -> (found: Float, wanted: Float) {
            let (dx, dy) = (plane[a].x - plane[b].x, plane[a].y - plane[b].y)
            let x = 3 * (places.row(a)[0] - places.row(b)[0])
            let y = places.row(a)[1] - places.row(b)[1]
            return ((dx * dx + dy * dy).squareRoot(), (x * x + y * y).squareRoot())
        }
        let unit = distance(0, 1)
        for other in 2..<count {
            let pair = distance(0, other)
            #expect(abs(pair.found / pair.wanted - unit.found / unit.wanted) < Self.tolerance)
        }
        // Equal input, equal places.
        let again = PrincipalAxes.plane(of: vectors, size: size)
        #expect(zip(plane, again).allSatisfy { $0.x == $1.x && $0.y == $1.y })
    }

    private static let tolerance: Float = 1e-3

    @Test func fewAndEqualVectors() {
        #expect(PrincipalAxes.plane(of: [], size: 4).isEmpty)
        for vectors: [[Float]] in [[[1, 0]], [[1, 0], [1, 0], [1, 0]], [[1], [2]], [[.nan, 0], [0, 1]]] {
            let plane = PrincipalAxes.plane(of: vectors.flatMap { $0 }, size: vectors[0].count)
            #expect(plane.count == vectors.count)
            #expect(plane.allSatisfy { $0.x.isFinite && $0.y.isFinite && abs($0.x) <= 1 && abs($0.y) <= 1 })
        }
    }
}
