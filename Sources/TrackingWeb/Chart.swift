import TrackingEvents

/// A bar chart as SVG, made of numbers and of texts of ours only.
struct Chart {
    struct Series {
        let name: String
        let figure: Figure
        /// `s1`, `s2` or `s3`.
        let style: String
    }

    private static let (width, height, left, bottom, top) = (760.0, 220.0, 44.0, 24.0, 10.0)

    let series: [Series]
    /// One per step, in which nothing may have happened.
    let steps: [FigureStep]
    /// Labels under the steps; empty for none.
    let labels: [String]

    var svg: String {
        let most = steps.flatMap { step in series.map { step.figures[$0.figure] } }.max() ?? 0
        let top = Self.ceiling(max(most, 1))
        let slot = (Self.width - Self.left - 8) / Double(max(steps.count, 1))
        let bar = max(0.8, slot * 0.8 / Double(series.count))
        var text =
            "<svg viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" role=\"img\" aria-label=\"\(summary)\">\n"
        for line in 0...4 {
            let value = top * Int64(line) / 4
            let y = Self.y(value, top)
            text += "<line x1=\"\(Self.left)\" x2=\"\(Self.width - 8)\" y1=\"\(y)\" y2=\"\(y)\"/>"
            text += "<text x=\"\(Self.left - 4)\" y=\"\(y + 4)\" text-anchor=\"end\">\(Count.short(value))</text>\n"
        }
        for (index, step) in steps.enumerated() {
            let x = Self.left + slot * Double(index) + slot * 0.1
            for (number, one) in series.enumerated() {
                let value = step.figures[one.figure]
                guard value > 0 else { continue }
                let y = Self.y(value, top)
                text += "<rect class=\"\(one.style)\" x=\"\(Self.round(x + bar * Double(number)))\" y=\"\(y)\" "
                text += "width=\"\(Self.round(bar))\" height=\"\(Self.round(Self.height - Self.bottom - y))\">"
                text += "<title>\(labels[index]) \(one.name): \(value)</title></rect>\n"
            }
            let every = max(1, (steps.count + 11) / 12)
            if index % every == 0 {
                text += "<text x=\"\(Self.round(x))\" y=\"\(Self.height - 8)\">\(labels[index])</text>\n"
            }
        }
        return text + "</svg>"
    }

    private var summary: String {
        series.map { one in "\(one.name): \(steps.reduce(0) { $0 + $1.figures[one.figure] })" }.joined(separator: ", ")
    }

    private static func y(_ value: Int64, _ top: Int64) -> Double {
        round(height - bottom - (height - bottom - Self.top) * Double(value) / Double(top))
    }

    private static func round(_ value: Double) -> Double { (value * 10).rounded() / 10 }

    /// A round number that is not smaller, and divides by four.
    private static func ceiling(_ value: Int64) -> Int64 {
        var unit: Int64 = 4
        while true {
            for factor in [1, 2, 5] as [Int64] where unit * factor >= value { return unit * factor }
            unit *= 10
        }
    }
}

/// Numbers for people.
enum Count {
    /// `12,345`.
    static func text(_ value: Int64) -> String {
        var digits = Array(String(abs(value)))
        var place = digits.count - 3
        while place > 0 {
            digits.insert(",", at: place)
            place -= 3
        }
        return (value < 0 ? "-" : "") + String(digits)
    }

    /// `12k`.
    static func short(_ value: Int64) -> String {
        if value >= 10_000_000 { return "\(value / 1_000_000)M" }
        return value >= 10_000 ? "\(value / 1_000)k" : "\(value)"
    }

    /// `12.3 %`, or a dash where there is nothing to divide by.
    static func rate(_ value: Double?) -> String {
        guard let value else { return "–" }
        let tenths = Int((value * 1_000).rounded())
        return "\(tenths / 10).\(tenths % 10) %"
    }

    /// `1.2 MiB`.
    static func octets(_ value: Int) -> String {
        if value < 1 << 10 { return "\(value) B" }
        let (unit, name) = value < 1 << 20 ? (1 << 10, "KiB") : value < 1 << 30 ? (1 << 20, "MiB") : (1 << 30, "GiB")
        return "\(value / unit).\(value % unit * 10 / unit) \(name)"
    }
}
