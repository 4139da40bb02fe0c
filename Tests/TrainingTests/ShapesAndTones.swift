import Foundation
import TestSupport
import Training

/// A small world with a language for it: coloured shapes with captions, tones with names. Every combination occurs once, so
/// that held-out pairs are combinations that training never showed.
enum ShapesAndTones {
    static func write(to folder: String) throws {
        try writeShapes("\(folder)/shapes")
        try writeTones("\(folder)/tones")
    }

    private static func write(_ bytes: [UInt8], _ path: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    private static func little(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    // MARK: - Pictures

    private typealias Color = (name: String, red: UInt8, green: UInt8, blue: UInt8)

    private static let colors: [Color] = [
        ("red", 220, 30, 30), ("green", 30, 160, 50), ("blue", 40, 70, 220), ("yellow", 240, 220, 40),
        ("purple", 150, 50, 180), ("orange", 245, 140, 20), ("cyan", 40, 210, 220), ("pink", 250, 150, 190),
    ]
    private static let grounds: [Color] = [
        ("black", 10, 10, 10), ("white", 245, 245, 245), ("gray", 128, 128, 128), ("brown", 100, 60, 30),
        ("navy", 10, 20, 90), ("olive", 110, 120, 20),
    ]
    private static let sizes = [("small", 10.0), ("large", 21.0)]
    private static let shapes: [(name: String, holds: @Sendable (_ x: Double, _ y: Double, _ r: Double) -> Bool)] = [
        ("circle", { $0 * $0 + $1 * $1 <= $2 * $2 }),
        ("ring", { x, y, r in (0.55 * r...r).contains((x * x + y * y).squareRoot()) }),
        (
            "cross",
            { x, y, r in (abs(x) <= 0.3 * r && abs(y) <= r) || (abs(y) <= 0.3 * r && abs(x) <= r) }
        ),
        ("grid", { x, y, r in max(abs(x), abs(y)) <= r && Int(x + 64) % 8 < 4 && Int(y + 64) % 8 < 4 }),
    ]
    private static let side = 48

    private static func writeShapes(_ folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var random = SeededGenerator(seed: 3)
        var captions = ""
        for (size, radius) in sizes {
            for color in colors {
                for shape in shapes {
                    for ground in grounds {
                        let name = "\(size)-\(color.name)-\(shape.name)-\(ground.name).bmp"
                        func center() -> Double { Double(side / 2 - 1 + random.next(below: 3)) }
                        let (x0, y0) = (center(), center())
                        let pixels = bitmap { x, y in
                            shape.holds(Double(x) + 0.5 - x0, Double(y) + 0.5 - y0, radius) ? color : ground
                        }
                        try write(pixels, "\(folder)/\(name)")
                        captions += "\(name)\ta \(size) \(color.name) \(shape.name) on \(ground.name)\n"
                    }
                }
            }
        }
        try write(Array(captions.utf8), "\(folder)/captions.tsv")
    }

    /// A BMP of 24 bits, rows from below.
    private static func bitmap(_ color: (_ x: Int, _ y: Int) -> Color) -> [UInt8] {
        var data: [UInt8] = []
        for y in (0..<side).reversed() {
            for x in 0..<side {
                let value = color(x, y)
                data += [value.blue, value.green, value.red]
            }
        }
        return Array("BM".utf8) + little(54 + data.count, 4) + little(0, 4) + little(54, 4) + little(40, 4)
            + little(side, 4)
            + little(side, 4) + little(1, 2) + little(24, 2) + little(0, 4) + little(data.count, 4) + little(0, 16)
            + data
    }

    // MARK: - Sounds

    private static let pitches = [
        ("C", 261.63), ("E", 329.63), ("G", 392.0), ("B", 493.88), ("D", 587.33), ("F", 698.46), ("A", 880.0),
        ("H", 1174.7),
    ]
    private static let registers = [("low", 1.0), ("high", 2.9)]
    /// Phase in turns -> -1...1
    private static let timbres: [(name: String, wave: @Sendable (Double) -> Double)] = [
        ("flute", { sin(2 * .pi * $0) }),
        ("organ", { (sin(2 * .pi * $0) + 0.6 * sin(4 * .pi * $0) + 0.5 * sin(8 * .pi * $0)) / 2.1 }),
        ("buzz", { 2 * ($0 - $0.rounded(.down)) - 1 }),
        ("bell", { (sin(2 * .pi * $0) + 0.8 * sin(5.52 * .pi * $0) + 0.6 * sin(10.8 * .pi * $0)) / 2.4 }),
    ]
    /// Share of the time -> loudness
    private static let courses: [(name: String, loudness: @Sendable (Double) -> Double)] = [
        ("steady", { _ in 1 }), ("pulsing", { Int($0 * 8) % 2 == 0 ? 1 : 0.02 }),
        ("rising", { pow(10, -2.5 * (1 - $0)) }), ("fading", { pow(10, -2.5 * $0) }),
    ]
    private static let (sampleRate, sampleCount) = (16_000, 9_600)

    private static func writeTones(_ folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var random = SeededGenerator(seed: 4)
        var names = ""
        for (register, factor) in registers {
            for (pitch, frequency) in pitches {
                for timbre in timbres {
                    for course in courses {
                        let (name, phase) = (
                            "\(register)-\(pitch)-\(timbre.name)-\(course.name).wav", random.nextUniform()
                        )
                        let samples = (0..<sampleCount).flatMap { index in
                            let turns = frequency * factor * Double(index) / Double(sampleRate) + phase
                            let loudness = course.loudness(Double(index) / Double(sampleCount))
                            return little(Int(timbre.wave(turns) * loudness * 20_000), 2)
                        }
                        try write(wave(samples), "\(folder)/\(name)")
                        names += "\(name)\ta \(course.name) \(register) \(pitch) of a \(timbre.name)\n"
                    }
                }
            }
        }
        try write(Array(names.utf8), "\(folder)/captions.tsv")
    }

    /// A WAV of 16 bits, mono.
    private static func wave(_ samples: [UInt8]) -> [UInt8] {
        Array("RIFF".utf8) + little(36 + samples.count, 4) + Array("WAVEfmt ".utf8) + little(16, 4) + little(1, 2)
            + little(1, 2) + little(sampleRate, 4) + little(2 * sampleRate, 4) + little(2, 2) + little(16, 2)
            + Array("data".utf8) + little(samples.count, 4) + samples
    }
}
