/// Small pieces of HTML that is XML as well, so that any XML parser can check it.
package enum HTML {
    /// Text for elements and attributes. Characters that XML does not allow become U+FFFD, and so do other control characters
    /// and those that turn the direction of writing: they come from files of others, and what stands behind them is ours.
    package static func escape(_ text: String) -> String {
        var result = ""
        result.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\t", "\n", "\r": result.unicodeScalars.append(scalar)
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
            case _ where scalar.value > 0x9F && scalar.properties.isBidiControl: result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    package enum Box: String { case wide, plot }

    /// The beginning of a `div` that may have to be scrolled sideways, so the keyboard has to reach it.
    package static func open(_ box: Box) -> String { "<div class=\"\(box.rawValue)\" tabindex=\"0\">" }

    /// A table whose first column names the rows. Cells are text.
    package static func table(_ head: [String], _ rows: [[String]], caption: String) -> String {
        var html = "\(open(.wide))<table><caption>\(escape(caption))</caption>\n<thead><tr>"
        html += head.map { "<th scope=\"col\">\(escape($0))</th>" }.joined() + "</tr></thead>\n<tbody>\n"
        for row in rows {
            html += "<tr><th scope=\"row\">\(escape(row.first ?? ""))</th>"
            html += row.dropFirst().map { "<td>\(escape($0))</td>" }.joined() + "</tr>\n"
        }
        return html + "</tbody></table></div>\n"
    }

    package static func details(_ summary: String, _ content: String) -> String {
        "<details><summary>\(escape(summary))</summary>\n\(content)</details>\n"
    }
}
