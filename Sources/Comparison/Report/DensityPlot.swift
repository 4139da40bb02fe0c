import Report

/// Many points as the density of a grid, with a line over it: an SVG element that needs nothing from outside.
struct DensityPlot {
    var title: String
    var description: String
    var xLabel: String
    var yLabel: String
    var points: [(x: Double, y: Double)]
    /// Drawn over the density, ascending in x.
    var line: [(x: Double, y: Double)]

    private static let (width, height) = (560.0, 420.0)
    private static let (left, right, top, bottom) = (64.0, 16.0, 14.0, 48.0)
    private static let cells = 48
    private static let ticks = 5

    /// - Parameter id: unique in the page
    func svg(id: String) -> String {
        guard let (xs, ys) = ranges else { return "<p>No pairs.</p>\n" }
        func x(_ value: Double) -> Double {
            Self.left + (value - xs.lowerBound) / (xs.upperBound - xs.lowerBound)
                * (Self.width - Self.left - Self.right)
        }
        func y(_ value: Double) -> Double {
            Self.height - Self.bottom
                - (value - ys.lowerBound) / (ys.upperBound - ys.lowerBound) * (Self.height - Self.top - Self.bottom)
        }
        func number(_ value: Double) -> String { Figures.fixed(value, 1) }
        var svg = """
            <svg viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" role="img" aria-labelledby="\(id)-t \(id)-d">
            <title id="\(id)-t">\(HTML.escape(title))</title>
            <desc id="\(id)-d">\(HTML.escape(description))</desc>

            """
        for tick in 0...Self.ticks {
            let share = Double(tick) / Double(Self.ticks)
            let (u, v) = (
                xs.lowerBound + share * (xs.upperBound - xs.lowerBound),
                ys.lowerBound + share * (ys.upperBound - ys.lowerBound)
            )
            svg += "<line class=\"grid\" x1=\"\(number(Self.left))\" x2=\"\(number(Self.width - Self.right))\" "
            svg += "y1=\"\(number(y(v)))\" y2=\"\(number(y(v)))\"/>"
            svg += "<text class=\"tick\" text-anchor=\"end\" x=\"\(number(Self.left - 8))\" y=\"\(number(y(v) + 4))\">"
            svg += "\(Figures.fixed(v, 2))</text>"
            svg += "<text class=\"tick\" text-anchor=\"middle\" x=\"\(number(x(u)))\" "
            svg += "y=\"\(number(Self.height - Self.bottom + 18))\">\(Figures.fixed(u, 2))</text>\n"
        }
        svg += "<text class=\"axis\" text-anchor=\"middle\" x=\"\(number((Self.left + Self.width - Self.right) / 2))\" "
        svg += "y=\"\(number(Self.height - 8))\">\(HTML.escape(xLabel))</text>\n"
        svg += "<text class=\"axis\" text-anchor=\"middle\" "
        svg += "transform=\"translate(14 \(number((Self.top + Self.height - Self.bottom) / 2))) rotate(-90)\">"
        svg += "\(HTML.escape(yLabel))</text>\n"

        let counts = grid(xs, ys)
        let most = counts.max() ?? 1
        let (w, h) = (
            (Self.width - Self.left - Self.right) / Double(Self.cells),
            (Self.height - Self.top - Self.bottom) / Double(Self.cells)
        )
        for (cell, count) in counts.enumerated() where count > 0 {
            let (column, row) = (cell % Self.cells, cell / Self.cells)
            // The root shows thin regions beside thick ones.
            let opacity = 0.12 + 0.88 * (Double(count) / Double(most)).squareRoot()
            svg += "<rect class=\"dot1\" x=\"\(number(Self.left + Double(column) * w))\" "
            svg += "y=\"\(number(Self.height - Self.bottom - Double(row + 1) * h))\" width=\"\(number(w))\" "
            svg += "height=\"\(number(h))\" opacity=\"\(Figures.fixed(opacity, 2))\"/>\n"
        }
        let path = line.filter { xs.contains($0.x) && ys.contains($0.y) }
            .map { "\(number(x($0.x))),\(number(y($0.y)))" }.joined(separator: " ")
        return svg + "<polyline class=\"line2\" points=\"\(path)\"/>\n</svg>\n"
    }

    private var ranges: (ClosedRange<Double>, ClosedRange<Double>)? {
        func range(_ values: [Double]) -> ClosedRange<Double>? {
            guard let low = values.min(), let high = values.max() else { return nil }
            let room = max((high - low) * 0.02, 1e-6)
            return low - room...high + room
        }
        guard let xs = range(points.map(\.x)), let ys = range(points.map(\.y)) else { return nil }
        return (xs, ys)
    }

    private func grid(_ xs: ClosedRange<Double>, _ ys: ClosedRange<Double>) -> [Int] {
        var counts = [Int](repeating: 0, count: Self.cells * Self.cells)
        func cell(_ value: Double, _ range: ClosedRange<Double>) -> Int {
            min(
                Self.cells - 1,
                Int((value - range.lowerBound) / (range.upperBound - range.lowerBound) * Double(Self.cells)))
        }
        for point in points { counts[cell(point.y, ys) * Self.cells + cell(point.x, xs)] += 1 }
        return counts
    }
}
