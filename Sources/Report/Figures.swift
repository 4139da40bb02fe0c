import Glibc

/// Numbers as a reader wants them.
package enum Figures {
    /// Exactly `digits` decimals, half away from zero.
    package static func fixed(_ value: Double, _ digits: Int) -> String {
        let factor = Glibc.pow(10, Double(digits))
        // Beyond it, not every digit is one of the number's.
        guard value.isFinite, abs(value) * factor < 9e15 else { return "\(value)" }
        let whole = Int64((abs(value) * factor).rounded())
        let sign = value < 0 && whole != 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(whole)" }
        let fraction = "\(whole % Int64(factor))"
        return "\(sign)\(whole / Int64(factor)).\(String(repeating: "0", count: digits - fraction.count))\(fraction)"
    }

    /// About three digits that count: `0.0123`, `1.23`, `1,230`, `1.2e-5`.
    package static func short(_ value: Double) -> String {
        let size = abs(value)
        if value == 0 { return "0" }
        guard value.isFinite else { return "\(value)" }
        if size < 1e-3 || size >= 1e7 {
            let exponent = Int(log10(size).rounded(.down))
            let mantissa = trimmed(fixed(value / Glibc.pow(10, Double(exponent)), 2))
            return "\(mantissa)e\(exponent)"
        }
        if size >= 1000 { return grouped(Int(value.rounded())) }
        return trimmed(fixed(value, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : 4))
    }

    /// `12,345`
    package static func grouped(_ value: Int) -> String {
        var digits = Array(String(abs(value)))
        var place = digits.count - 3
        while place > 0 {
            digits.insert(",", at: place)
            place -= 3
        }
        return (value < 0 ? "-" : "") + String(digits)
    }

    /// 0.953 as `95.3 %`
    package static func percent(_ share: Double) -> String { "\(fixed(100 * share, 1)) %" }

    package static func duration(_ seconds: Double) -> String {
        guard seconds < 1e15 else { return "\(seconds) s" }
        let whole = Int(max(0, seconds).rounded())
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
        return "\(whole / 3600) h \(whole % 3600 / 60) min"
    }

    package static func bytes(_ count: Int) -> String {
        count >= 1 << 30 ? "\(fixed(Double(count) / Double(1 << 30), 1)) GB" : "\((count + (1 << 19)) >> 20) MB"
    }

    private static func trimmed(_ text: String) -> String {
        guard text.contains(".") else { return text }
        var text = text
        while text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
        return text
    }
}
