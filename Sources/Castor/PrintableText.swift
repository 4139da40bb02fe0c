extension String {
    /// The text as it may be shown to a person: what moves a cursor, ends a line or turns the direction of writing is written out,
    /// as in `\n` and `\u{1b}`. Names come from files of others.
    package var printable: String {
        replacingUnprintable { scalar in
            switch scalar {
            case "\n": "\\n"
            case "\r": "\\r"
            case "\t": "\\t"
            default: "\\u{\(String(scalar.value, radix: 16))}"
            }
        }
    }

    /// The same for JSON of several lines, which stays what it says: `\u009b`.
    package var printableJSON: String {
        replacingUnprintable { scalar in
            // Four digits are enough: there are none beyond the first plane.
            scalar == "\n" ? "\n" : "\\u" + String(0x1_0000 + scalar.value, radix: 16).dropFirst()
        }
    }

    /// Without what shows as nothing: of a passage, where some scripts part words by it.
    package var withoutInvisible: String {
        guard unicodeScalars.contains(where: \.isInvisible) else { return self }
        var result = String.UnicodeScalarView()
        for scalar in unicodeScalars where !scalar.isInvisible { result.append(scalar) }
        return String(result)
    }

    private func replacingUnprintable(with text: (Unicode.Scalar) -> String) -> String {
        guard unicodeScalars.contains(where: \.isUnprintable) else { return self }
        var result = ""
        for scalar in unicodeScalars {
            if scalar.isUnprintable {
                result += text(scalar)
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

extension Unicode.Scalar {
    private static let invisible: Set<Unicode.Scalar> = [
        "\u{ad}", "\u{34f}", "\u{115f}", "\u{1160}", "\u{17b4}", "\u{17b5}", "\u{180e}", "\u{3164}", "\u{ffa0}",
        "\u{200b}", "\u{2060}", "\u{2061}", "\u{2062}", "\u{2063}", "\u{2064}", "\u{feff}", "\u{fff9}",
        "\u{fffa}",
        "\u{fffb}",
    ]

    fileprivate var isInvisible: Bool { value > 0x7f && Self.invisible.contains(self) }

    /// Control characters, C1's too, line and paragraph separators, those that turn the direction of writing, and those that show as nothing:
    /// a name with one would look like another. Joiners stay, which some scripts and emoji are written with.
    fileprivate var isUnprintable: Bool {
        // The common ones without a table.
        if value < 0x7f { return value < 0x20 }
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: return true
        default: return properties.isBidiControl || isInvisible
        }
    }
}
