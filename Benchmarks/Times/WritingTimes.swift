import Castor
import CastorNumerics

/// How long 100 full vectors take as JSON.
enum WritingTimes {
    static func print() {
        var random = SystemRandomNumberGenerator()
        let vectors = (0..<100).map { _ in
            let values = (0..<3_072).map { _ in Float.random(in: -1...1, using: &random) }
            let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return values.map { $0 / length }
        }
        var times: [Double] = []
        for _ in 0..<30 {
            times.append(
                Stopwatch.time {
                    var json = JSONWriter(reserving: vectors.count * 3_072 * JSONWriter.bytesPerValue)
                    for vector in vectors { json.values(vector) }
                }.processor)
        }
        let median = times.sorted()[times.count / 2]
        Swift.print("100 x 3,072 values as JSON: median \((median * 1e5).rounded() / 100) ms of one processor")
    }
}
