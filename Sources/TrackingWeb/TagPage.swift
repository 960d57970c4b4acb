import Hummingbird
import Tracking
import TrackingEvents

/// One tag: trend, links, classes, reasons, policy.
struct TagPage {
    private static let meanings: [HitClass: String] = [
        .human: "a person, as far as can be told", .proxy: "a mail provider's image proxy: a real open, place unknown",
        .privacy: "a prefetch that hides whether the mail was read", .scanner: "a mail filter or another program",
        .prefetch: "a browser that loads ahead", .head: "asks whether a link is alive",
    ]

    let console: Console

    func page(_ request: Request, _ name: String) async throws -> Response {
        let tag = name == "-" ? "" : name
        let services = console.services
        let span = DaySpan(Query(request), now: services.now(), days: 30)
        let byTag = try await services.events.daily(from: span.from, to: span.to)
        guard tag.isEmpty || services.policies()[tag] != nil || byTag[tag] != nil else {
            return console.problem(
                request, "No such tag",
                "There is no mail of this tag in these days, and no [tag.\(tag)] in relay.conf.",
                status: .notFound)
        }
        let figures = byTag[tag] ?? Figures()
        let steps = try await services.events.series(tag: tag, from: span.start, to: span.end, .day)
        let found = Dictionary(uniqueKeysWithValues: steps.map { (LocalTime.day(of: $0.time), $0.figures) })
        let days = span.days.map { FigureStep(time: LocalTime.start(of: $0), figures: found[$0] ?? Figures()) }
        var values = FigureView.values(figures)
        values.merge(
            FigureView.chart(
                days, labels: span.days.map { String(LocalTime.string(day: $0).dropFirst(5)) }, "Day by day")
        ) { $1 }
        let (from, to) = (LocalTime.string(day: span.from), LocalTime.string(day: span.to))
        values["heading"] = from == to ? from : "\(from) to \(to)"
        values["action"] = "/tags/\(tag.isEmpty ? "-" : Query.encode(tag))"
        values["from"] = from
        values["to"] = to
        values["links"] = try await services.events.pages(tag: tag, from: span.from, to: span.to, limit: 50).map {
            ["page": $0.page, "clicks": Count.text($0.clicks), "unique": Count.text($0.uniqueClicks)]
        }
        values["classes"] = HitClass.allCases.map { hitClass in
            [
                "name": hitClass.rawValue, "count": Count.text(figures[Figure(hitClass)]),
                "meaning": Self.meanings[hitClass] ?? "",
            ]
        }
        values["reasons"] = try await reasons(tag, span)
        let policy = services.policies()[tag] ?? []
        if case .text(let about)? = policy.first(where: { $0.key == "description" })?.value { values["about"] = about }
        values["hasPolicy"] = !policy.isEmpty
        values["policy"] = policy.map { ["key": $0.key, "value": $0.value.description, "origin": $0.origin] }
        values["messages"] = "/messages?tag=\(Query.encode(name))"
        values["exports"] = Export.links(
            "/api/v1/stats?tag=\(Query.encode(name))&from=\(from)&to=\(to)&granularity=day")
        return console.render("tag", request, title: tag.isEmpty ? "Mail without a tag" : "Tag \(tag)", values)
    }

    private func reasons(_ tag: String, _ span: DaySpan) async throws -> [[String: String]] {
        try await console.services.events.reasons(tag: tag, from: span.from, to: span.to).filter {
            $0.reason != "tracked"
        }.map { reason in
            let what = reason.kind == "link" ? "link" : reason.kind == "untracked" ? "mail" : "mail's body"
            let sentence = console.services.sentences[reason.reason].map { "\(reason.reason): \($0)" } ?? reason.reason
            return ["what": what, "reason": sentence, "count": Count.text(reason.count)]
        }
    }
}
