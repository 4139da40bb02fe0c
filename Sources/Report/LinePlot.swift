import Glibc

/// A plot of lines over a common axis as an SVG element that needs nothing from outside. Colours are the page's: the classes
/// `line1`, `line2` ... of the style sheet.
package struct LinePlot {
    package struct Series {
        package var name: String
        package var points: [Point]
        /// Marks every point and tells its values to a pointer that rests on it.
        package var hasMarks: Bool
        /// A thin line behind the others, without an entry in the legend.
        package var isFaint: Bool
        /// Number of its colour, from 1.
        package var color: Int

        package init(name: String, points: [Point], hasMarks: Bool = false, isFaint: Bool = false, color: Int) {
            (self.name, self.points, self.hasMarks, self.isFaint, self.color) = (name, points, hasMarks, isFaint, color)
        }
    }

    package struct Point: Equatable {
        package var x: Double
        package var y: Double

        package init(x: Double, y: Double) {
            (self.x, self.y) = (x, y)
        }
    }

    package enum Scale {
        case linear
        /// Equal distances for equal factors, a tick at every x of a point.
        case logarithmic
    }

    package var title: String
    /// What the plot shows, in words, for those who do not see it.
    package var description: String
    package var xLabel: String
    package var xScale: Scale
    /// The smallest range that the y axis has in any case.
    package var yRange: ClosedRange<Double>?
    package var isPercent: Bool
    package var series: [Series]
    /// Vertical lines with a name: where a stage begins.
    package var marks: [(x: Double, name: String)]

    package init(
        title: String, description: String, xLabel: String, xScale: Scale = .linear, yRange: ClosedRange<Double>? = nil,
        isPercent: Bool = false, series: [Series], marks: [(x: Double, name: String)] = []
    ) {
        (self.title, self.description, self.xLabel, self.xScale) = (title, description, xLabel, xScale)
        (self.yRange, self.isPercent, self.series, self.marks) = (yRange, isPercent, series, marks)
    }

    private static let (width, height) = (720.0, 280.0)
    private static let (left, right, top, bottom) = (64.0, 16.0, 14.0, 44.0)

    /// - Parameter id: unique in the page
    package func svg(id: String) -> String {
        let points = series.flatMap(\.points).filter { $0.x.isFinite && $0.y.isFinite }
        guard !points.isEmpty else { return "<p>No values yet.</p>\n" }
        let xs = Axis(points.map(\.x), logarithmic: xScale == .logarithmic, room: nil)
        let ys = Axis(points.map(\.y) + (yRange.map { [$0.lowerBound, $0.upperBound] } ?? []), room: 5)
        func x(_ value: Double) -> Double { Self.left + xs.place(value) * (Self.width - Self.left - Self.right) }
        func y(_ value: Double) -> Double {
            Self.height - Self.bottom - ys.place(value) * (Self.height - Self.top - Self.bottom)
        }
        func number(_ value: Double) -> String { Figures.fixed(value, 1) }
        func label(_ value: Double) -> String { isPercent ? "\(Figures.short(100 * value)) %" : Figures.short(value) }

        var svg = """
            <svg viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" role="img" aria-labelledby="\(id)-t \(id)-d">
            <title id="\(id)-t">\(HTML.escape(title))</title>
            <desc id="\(id)-d">\(HTML.escape(description))</desc>

            """
        for tick in ys.ticks {
            svg += "<line class=\"grid\" x1=\"\(number(Self.left))\" x2=\"\(number(Self.width - Self.right))\" "
            svg += "y1=\"\(number(y(tick)))\" y2=\"\(number(y(tick)))\"/>"
            svg += "<text class=\"tick\" text-anchor=\"end\" x=\"\(number(Self.left - 8))\" "
            svg += "y=\"\(number(y(tick) + 4))\">\(label(tick))</text>\n"
        }
        for tick in xs.ticks {
            svg += "<text class=\"tick\" text-anchor=\"middle\" x=\"\(number(x(tick)))\" "
            svg += "y=\"\(number(Self.height - Self.bottom + 18))\">\(Figures.grouped(Int(tick)))</text>\n"
        }
        svg += "<text class=\"axis\" text-anchor=\"middle\" x=\"\(number((Self.left + Self.width - Self.right) / 2))\" "
        svg += "y=\"\(number(Self.height - 6))\">\(HTML.escape(xLabel))</text>\n"
        for mark in marks {
            svg += "<line class=\"mark\" x1=\"\(number(x(mark.x)))\" x2=\"\(number(x(mark.x)))\" "
            svg += "y1=\"\(number(Self.top))\" y2=\"\(number(Self.height - Self.bottom))\"/>"
            svg += "<text class=\"tick\" x=\"\(number(x(mark.x) + 4))\" "
            svg += "y=\"\(number(Self.top + 8))\">\(HTML.escape(mark.name))</text>\n"
        }
        for line in series {
            let path = line.points.filter { $0.x.isFinite && $0.y.isFinite }
                .map { "\(number(x($0.x))),\(number(y($0.y)))" }.joined(separator: " ")
            svg += "<polyline class=\"line\(line.color)\(line.isFaint ? " faint" : "")\" points=\"\(path)\"/>\n"
            guard line.hasMarks else { continue }
            for point in line.points {
                let text = "\(line.name), \(xLabel) \(Figures.grouped(Int(point.x))): \(label(point.y))"
                svg += "<circle class=\"dot\(line.color)\" cx=\"\(number(x(point.x)))\" cy=\"\(number(y(point.y)))\" "
                svg += "r=\"4\"><title>\(HTML.escape(text))</title></circle>\n"
            }
        }
        return svg + "</svg>\n"
    }

    /// The names of the lines with their colours; empty for a single one.
    package var legend: String {
        let named = series.filter { !$0.isFaint }
        guard named.count > 1 else { return "" }
        let items = named.map {
            "<li><svg class=\"key\" viewBox=\"0 0 28 8\" aria-hidden=\"true\">"
                + "<line class=\"line\($0.color)\" x1=\"0\" x2=\"28\" y1=\"4\" y2=\"4\"/></svg>\(HTML.escape($0.name))</li>"
        }
        return "<ul class=\"legend\">\(items.joined())</ul>\n"
    }
}

extension LinePlot {
    /// At most `limit` points, each the mean of equally many in a row.
    package static func thinned(_ points: [Point], to limit: Int = 500) -> [Point] {
        guard points.count > limit else { return points }
        return (0..<limit).map { index in
            let range = points.count * index / limit..<points.count * (index + 1) / limit
            let (x, y) = points[range].reduce((0.0, 0.0)) { ($0.0 + $1.x, $0.1 + $1.y) }
            return Point(x: x / Double(range.count), y: y / Double(range.count))
        }
    }

    /// The mean of a point and those before it, weights falling by e over `span` points.
    package static func smoothed(_ points: [Point], span: Double) -> [Point] {
        let keep = exp(-1 / span)
        var (sum, weight) = (0.0, 0.0)
        return points.map { point in
            sum = sum * keep + point.y
            weight = weight * keep + 1
            return Point(x: point.x, y: sum / weight)
        }
    }
}

/// The range of an axis and where its ticks are.
private struct Axis {
    let range: ClosedRange<Double>
    let ticks: [Double]
    private let logarithmic: Bool

    /// - Parameter room: number of ticks to aim at when the range is widened to whole ticks; nil keeps the range.
    init(_ values: [Double], logarithmic: Bool = false, room: Int?) {
        self.logarithmic = logarithmic
        var (low, high) = (values.min() ?? 0, values.max() ?? 1)
        if logarithmic {
            range = low...max(high, low * 2)
            ticks = Set(values).sorted()
            return
        }
        if low == high { (low, high) = (low - max(abs(low) * 0.1, 1e-9), high + max(abs(high) * 0.1, 1e-9)) }
        let step = Self.niceStep((high - low) / Double(room ?? 7), whole: room == nil)
        if room != nil { (low, high) = ((low / step).rounded(.down) * step, (high / step).rounded(.up) * step) }
        range = low...high
        let (first, last) = ((low / step - 1e-9).rounded(.up), (high / step + 1e-9).rounded(.down))
        ticks = first <= last ? stride(from: first, through: last, by: 1).map { $0 * step } : []
    }

    /// 0...1
    func place(_ value: Double) -> Double {
        guard logarithmic else { return (value - range.lowerBound) / (range.upperBound - range.lowerBound) }
        return log(value / range.lowerBound) / log(range.upperBound / range.lowerBound)
    }

    /// 1, 2 or 5 times a power of ten, at least `wanted`.
    private static func niceStep(_ wanted: Double, whole: Bool) -> Double {
        let power = Glibc.pow(10, log10(wanted).rounded(.down))
        let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= wanted * 0.999 } ?? 10 * power
        return whole ? max(1, step) : step
    }
}
