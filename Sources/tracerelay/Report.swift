import ArgumentParser
import Relay
import RelayConfiguration
import StorageSQLite
import TrackingEvents

struct Report: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The figures of the console, in a terminal.",
        discussion: """
            open: first non-machine pixel hit of a recipient's copy (a click implies an open). opens: all non-machine hits. \
            click: a non-machine hit on a link, same link and source within 60 min counted once. unique: once per \
            recipient copy. rate: unique / delivered copies that were tracked.
            """)

    @OptionGroup var configuration: ConfigurationOption
    @Option(help: "Only this tag, day by day; - for mail without one.") var tag: String?
    @Option(help: "First day, such as 2026-11-01; default: today.") var from: String?
    @Option(help: "Last day; default: today.") var to: String?
    @Flag(help: "Print CSV.") var csv = false
    @Flag(help: "Print JSON, one object per line.") var json = false

    func run() async throws {
        let settings = try configuration.load()
        let today = LocalTime.day(of: SystemClock.now())
        let first = try day(from, "--from") ?? today
        let last = try day(to, "--to") ?? max(today, first)
        guard first <= last else { throw Exit.failure(64, "--from must not be behind --to") }
        let reader = EventReader(directory: settings.dataDirectory)
        let rows: [(String, Figures)]
        if let tag {
            let start = LocalTime.start(of: first)
            let end = LocalTime.start(of: LocalTime.day(last, plus: 1))
            rows = try await Exit.guarded(69) {
                try await reader.series(tag: tag == "-" ? "" : tag, from: start, to: end, .day)
            }.map {
                (LocalTime.string(day: LocalTime.day(of: $0.time)), $0.figures)
            }
        } else {
            rows = try await Exit.guarded(69) { try await reader.daily(from: first, to: last) }.sorted {
                $0.key < $1.key
            }.map { ($0.key, $0.value) }
        }
        let total = rows.reduce(into: Figures()) { $0 += $1.1 }
        try show(rows, total)
    }

    private func day(_ text: String?, _ option: String) throws -> Int64? {
        guard let text else { return nil }
        guard let day = LocalTime.day(text) else {
            throw Exit.failure(64, "\(option) must be a day such as 2026-11-24")
        }
        return day
    }

    private func show(_ rows: [(String, Figures)], _ total: Figures) throws {
        let name = tag == nil ? "tag" : "day"
        if json {
            for (key, figures) in rows { try Output.json(object(name, key, figures)) }
            return try Output.json(object(name, "total", total))
        }
        if csv {
            Output.line(
                ([name] + Figure.allCases.map { "\($0)" } + ["openRate", "clickRate"]).joined(separator: ","))
            for (key, figures) in rows {
                let rates = [figures.openRate, figures.clickRate].map { $0.map { "\($0)" } ?? "" }
                Output.line(([key] + Figure.allCases.map { "\(figures[$0])" } + rates).joined(separator: ","))
            }
            return
        }
        let columns: [(String, (Figures) -> String)] =
            [
                ("accepted", .accepted), ("tracked", .tracked), ("sent", .sent), ("deferred", .deferred),
                ("failed", .failed), ("opens", .opens), ("unique", .uniqueOpens), ("clicks", .clicks),
                ("unique", .uniqueClicks),
            ].map { (name: String, figure: Figure) in (name, { "\($0[figure])" }) }
            + [("open rate", { rate($0.openRate) }), ("click rate", { rate($0.clickRate) })]
        let width = max(10, rows.map(\.0.count).max() ?? 0)
        Output.line(name.padded(to: width) + columns.map { $0.0.leading(11) }.joined())
        for (key, figures) in rows + [("total", total)] {
            Output.line(
                (key.isEmpty ? "(no tag)" : key).padded(to: width) + columns.map { $0.1(figures).leading(11) }.joined())
        }
    }

    private func rate(_ value: Double?) -> String {
        guard let value else { return "-" }
        let tenths = Int((value * 1_000).rounded())
        return "\(tenths / 10).\(tenths % 10) %"
    }

    private func object(_ name: String, _ key: String, _ figures: Figures) -> ReportLine {
        ReportLine(name: name, key: key, figures: figures)
    }
}

/// Figures as a JSON object with the names of the API.
private struct ReportLine: Encodable {
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    let name: String
    let key: String
    let figures: Figures

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(key, forKey: Key(stringValue: name))
        for figure in Figure.allCases { try container.encode(figures[figure], forKey: Key(stringValue: "\(figure)")) }
        try container.encode(figures.openRate, forKey: Key(stringValue: "openRate"))
        try container.encode(figures.clickRate, forKey: Key(stringValue: "clickRate"))
    }
}

extension String {
    func leading(_ width: Int) -> String { String(repeating: " ", count: max(1, width - count)) + self }
}
