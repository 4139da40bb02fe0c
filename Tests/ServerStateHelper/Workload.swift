/// What the crash test stores: all of it follows from a number, so that the test knows every byte without being told.
package enum Workload {
    package static func fileID(_ number: Int) -> String { "file-\(number)" }

    /// 0 to 150 kB; every tenth is empty.
    package static func size(_ number: Int) -> Int { number % 10 == 9 ? 0 : (number &* 7_919_777) % 150_000 }

    package static func bytes(_ number: Int) -> [UInt8] {
        var state = UInt64(number &+ 1) &* 0x9E37_79B9_7F4A_7C15
        return (0..<size(number)).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
    }

    package static func requests(_ number: Int) -> [[UInt8]] {
        (0..<(1 + number * 37 % 90)).map { Array("{\"batch\":\(number),\"request\":\($0)}".utf8) }
    }

    /// Every seventh request fails.
    package static func result(_ request: [UInt8]) -> (line: [UInt8], isFailure: Bool) {
        let sum = request.reduce(0) { $0 &+ Int($1) }
        return (Array("{\"of\":".utf8) + request + Array("}".utf8), sum % 7 == 0)
    }
}
