import Media
import Testing

/// Which moments of a video are looked at: the table of docs/model.md's rule.
@Suite struct FrameSelectionTests {
    /// Length in seconds, frames a second; the number of frames, and the distance between two.
    static let table: [(length: Double, rate: Double, count: Int, step: Double)] = [
        (0, 1, 1, 1), (0.5, 1, 1, 1), (1, 1, 1, 1), (1.04, 1, 1, 1), (1.06, 1, 2, 1), (2, 1, 2, 1), (2.002, 1, 2, 1),
        (31.9, 1, 32, 1), (32, 1, 32, 1), (32.03, 1, 32, 1), (33, 1, 32, 33.0 / 32), (120, 1, 32, 3.75),
        (10, 2, 20, 0.5), (16, 2, 32, 0.5), (17, 2, 32, 17.0 / 32), (60, 0.1, 6, 10), (3, 24, 32, 3.0 / 32),
    ]

    @Test(arguments: table)
    func momentsAreThoseOfTheTable(row: (length: Double, rate: Double, count: Int, step: Double)) {
        let times = FrameSelection.times(length: row.length, framesPerSecond: row.rate, most: 32)
        #expect(times.count == row.count)
        for (index, time) in times.enumerated() { #expect(abs(time - Double(index) * row.step) < 1e-9) }
    }

    /// Length in seconds, frames a second, most frames; steps from the beginning. The places are those of `int(linspace(0, n - 1, most))`.
    static let wholeSteps: [(length: Double, rate: Double, most: Int, steps: [Int])] = [
        (0, 1, 32, [0]), (0.9, 1, 32, [0]), (2.9, 1, 32, [0, 1]), (2.002, 1, 32, [0, 1]), (3, 1, 32, [0, 1, 2]),
        (1.5, 2, 32, [0, 1, 2]),
        (9.99, 0.5, 32, [0, 1, 2, 3]), (9, 1, 4, [0, 2, 5, 8]), (10, 1, 4, [0, 3, 6, 9]), (7, 2, 5, [0, 3, 6, 9, 13]),
        (100, 1, 1, [0]),
        (
            40, 1, 32,
            [
                0, 1, 2, 3, 5, 6, 7, 8, 10, 11, 12, 13, 15, 16, 17, 18, 20, 21, 22, 23, 25, 26, 27, 28, 30, 31, 32, 33,
                35, 36, 37,
                39,
            ]
        ),
    ]

    @Test(arguments: wholeSteps)
    func stepsThatAreOver(row: (length: Double, rate: Double, most: Int, steps: [Int])) {
        let times = FrameSelection.times(
            length: row.length, framesPerSecond: row.rate, most: row.most, rule: .wholeSteps)
        #expect(times == row.steps.map { Double($0) / row.rate })
    }

    @Test func theFrameOnDisplayIsTheLastThatHasBegun() {
        let starts = [0, 0.04, 0.08, 1.0 / 3, 1, 5]
        let moments = [-1, 0, 0.039, 0.04, 0.3333333, 0.34, 0.99, 1, 4.9, 5, 100]
        #expect(FrameSelection.frames(at: moments, starts: starts) == [0, 0, 0, 1, 3, 3, 3, 4, 4, 5, 5])
    }
}
