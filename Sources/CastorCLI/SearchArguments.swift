public import ArgumentParser
import Castor
import Glibc
import Search

/// `0.5:a sunset`, `2:@a.jpg`: a part with its weight, 1 where none is given. `10:30 at night` is a text.
struct WeightedPart: ExpressibleByArgument {
    let weight: Double
    let part: Part

    init?(argument: String) {
        var (weight, rest) = (1.0, Substring(argument))
        if let colon = argument.firstIndex(of: ":"), let number = Double(argument[..<colon]), number.isFinite,
            number > 0, argument[argument.index(after: colon)...].first?.isNumber != true
        {
            (weight, rest) = (number, argument[argument.index(after: colon)...])
        }
        guard let part = try? PartArgument(String(rest)) else { return nil }
        self.weight = weight
        self.part = part.part
    }
}

/// `image,audio`.
struct MediumList: ExpressibleByArgument {
    let media: Set<Medium>

    init?(argument: String) {
        var media = Set<Medium>()
        for name in argument.split(separator: ",", omittingEmptySubsequences: false) {
            guard let medium = Medium(name: name.lowercased()) else { return nil }
            media.insert(medium)
        }
        self.media = media
    }
}

/// A day, in local time, or how long ago.
struct Since: ExpressibleByArgument {
    /// Since 1970.
    let nanoseconds: Int64

    init?(argument: String) {
        guard let seconds = Self.day(argument) ?? Self.ago(argument) else { return nil }
        nanoseconds = seconds * 1_000_000_000
    }

    private static func day(_ text: String) -> Int64? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, let year = Int32(parts[0]), let month = Int32(parts[1]), let day = Int32(parts[2]),
            (1970...9999).contains(year), (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        var time = tm()
        (time.tm_year, time.tm_mon, time.tm_mday, time.tm_isdst) = (year - 1900, month - 1, day, -1)
        let seconds = mktime(&time)
        // The 31st of February is no day.
        guard time.tm_mday == day else { return nil }
        return Int64(seconds)
    }

    private static func ago(_ text: String) -> Int64? {
        let units: [Character: Int64] = [
            "m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400,
        ]
        guard let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()),
            (0...100_000).contains(count)
        else { return nil }
        return Int64(time(nil)) - count * unit
    }
}
