import HTTPTypes
import Hummingbird
import NIOCore
import TrackingEvents

/// Today against yesterday.
struct Overview {
    let console: Console

    func page(_ request: Request) async throws -> Response {
        let now = console.services.now()
        let today = LocalTime.day(of: now)
        let start = LocalTime.start(of: today)
        let before = LocalTime.start(of: LocalTime.day(today, plus: -1))
        let events = console.services.events
        let byTag = try await events.figures(from: start, to: now + 60_000)
        // Until the same time of the day, else yesterday would always win.
        let yesterday = try await events.figures(from: before, to: before + (now - start) + 1)
        let steps = try await events.series(tag: nil, from: start, to: now + 60_000, .hour)
        let last = try await events.lastSequence()
        var filter = EventFilter()
        filter.before = Int64.max
        filter.limit = 15
        let recent = try await events.events(filter)
        let total = byTag.values.reduce(into: Figures()) { $0 += $1 }
        let totalBefore = yesterday.values.reduce(into: Figures()) { $0 += $1 }
        let hours = stride(from: start, through: now, by: 3_600_000).map { time in
            FigureStep(time: time, figures: steps.first { $0.time == time }?.figures ?? Figures())
        }
        var values = FigureView.values(total, against: totalBefore)
        values.merge(FigureView.chart(hours, labels: hours.map { LocalTime.hour($0.time) }, "Today, hour by hour")) {
            $1
        }
        values["problems"] = await problems()
        values["heading"] = "Today, and in brackets yesterday until this time"
        values["caption2"] = LocalTime.string(day: today)
        values["columns"] = FigureView.columns.map(\.name)
        let names = Set(byTag.keys).union(console.services.policies().keys)
        values["tags"] = names.sorted().map { name -> [String: Any] in
            let figures = byTag[name] ?? Figures()
            return [
                "name": name.isEmpty ? "(no tag)" : name, "href": "/tags/" + (name.isEmpty ? "-" : Query.encode(name)),
                "cells": FigureView.columns.map { $0.text(figures) },
            ]
        }
        values["events"] = recent.map { EventView($0).values }
        values["live"] = "\(last)"
        values["feedCaption"] = "The last events"
        let day = LocalTime.string(day: today)
        values["exports"] = Export.links("/api/v1/stats?from=\(day)&to=\(day)&granularity=hour")
        return console.render("overview", request, title: "Overview", current: "/", values)
    }
}

extension Overview {
    /// What needs somebody now, and where to go for it.
    private func problems() async -> [[String: String]] {
        let bad = await console.services.health().flatMap { group in
            group.checks.filter { $0.state == .bad }.map { "\(group.name): \($0.name): \($0.detail)" }
        }
        var problems = bad.map { ["sentence": $0, "href": "/health", "page": "Health"] }
        let queue = console.services.queue
        do {
            let count = try await queue.count()
            guard count > 0 else { return problems }
            let sentence = QueuePage.summary(count, try await queue.troubled())
            problems.append(["sentence": sentence, "href": "/queue", "page": "Queue"])
        } catch {
            problems.append(["sentence": "The queue cannot be read: \(error).", "href": "/queue", "page": "Queue"])
        }
        return problems
    }
}

/// Figures as a page shows them.
enum FigureView {
    struct Column {
        let name: String
        let text: (Figures) -> String
    }

    private static func count(_ name: String, _ figure: Figure) -> Column {
        Column(name: name) { Count.text($0[figure]) }
    }

    static var columns: [Column] {
        [
            count("Accepted", .accepted), count("Tracked", .tracked), count("Sent", .sent),
            count("Deferred attempts", .deferred), count("Failed", .failed), count("Opens", .opens),
            count("Unique opens", .uniqueOpens), count("Clicks", .clicks), count("Unique clicks", .uniqueClicks),
            Column(name: "Open rate") { Count.rate($0.openRate) },
            Column(name: "Click rate") { Count.rate($0.clickRate) },
        ]
    }

    static func values(_ figures: Figures, against before: Figures? = nil) -> [String: Any] {
        let inferred = Column(name: "of which inferred") { Count.text($0[.inferredOpens]) }
        let machines = Column(name: "Machine hits") { figures in
            Count.text(HitClass.allCases.filter(\.isMachine).reduce(0) { $0 + figures[Figure($1)] })
        }
        var all = columns
        all.insert(inferred, at: 7)
        all.append(machines)
        return [
            "figures": all.map { column in
                var cell: [String: Any] = ["name": column.name, "value": column.text(figures)]
                if let before { cell["before"] = "(\(column.text(before)))" }
                return cell
            }
        ]
    }

    static func chart(_ steps: [FigureStep], labels: [String], _ caption: String) -> [String: Any] {
        let series = [
            Chart.Series(name: "sent", figure: .sent, style: "s1"),
            Chart.Series(name: "unique opens", figure: .uniqueOpens, style: "s2"),
            Chart.Series(name: "unique clicks", figure: .uniqueClicks, style: "s3"),
        ]
        return [
            "chart": Chart(series: series, steps: steps, labels: labels).svg, "caption": caption,
            "legend": series.map { ["name": $0.name, "class": $0.style] },
        ]
    }
}

/// Links to the same data for programs.
enum Export {
    static func links(_ path: String) -> [[String: String]] {
        [
            ["href": path, "name": "JSON"],
            ["href": path + (path.contains("?") ? "&" : "?") + "format=csv", "name": "CSV"],
        ]
    }
}

/// An event as a line.
struct EventView {
    let event: StoredEvent

    init(_ event: StoredEvent) { self.event = event }

    var what: String { event.kind == "delivery" ? event.result : "\(event.kind) · \(event.result)" }
    var who: String { event.who }

    var detail: String {
        event.kind == "delivery"
            ? [event.upstream, event.reply, event.passedThrough.isEmpty ? "" : "not tracked: \(event.passedThrough)"]
                .filter { !$0.isEmpty }.joined(separator: " · ")
            : [event.url, event.client, event.agent, event.evidence == HitVerdict.human.evidence ? "" : event.evidence]
                .filter { !$0.isEmpty }.joined(separator: " · ")
    }

    var fields: [(name: String, value: String)] {
        [
            ("time", LocalTime.string(event.time)), ("kind", event.kind), ("class", event.result), ("what", what),
            ("who", who), ("tag", event.tag ?? ""), ("detail", detail),
            ("href", event.queueID == nil ? "" : "/messages/\(event.message)"),
        ]
    }

    var values: [String: Any] { Dictionary(uniqueKeysWithValues: fields.filter { !$0.value.isEmpty }) }

    var json: String {
        "{" + fields.map { "\"\($0.name)\":\(JSONText.quoted($0.value))" }.joined(separator: ",") + "}"
    }
}

/// All events, newest first; new ones come by themselves.
struct FeedPage {
    let console: Console

    func page(_ request: Request) async throws -> Response {
        let query = Query(request)
        var filter = EventFilter()
        filter.limit = 100
        filter.tag = query.tag
        filter.kind = query["kind"].flatMap { ["open", "click", "delivery"].contains($0) ? $0 : nil }
        filter.before = query["before"].flatMap { Int64($0) } ?? Int64.max
        let last = try await console.services.events.lastSequence()
        let events = try await console.services.events.events(filter)
        var values: [String: Any] = [
            "events": events.map { EventView($0).values }, "feedCaption": "Newest first",
            "kinds": (["open", "click", "delivery"] as [String]).map { name -> [String: Any] in
                ["name": name, "isChosen": filter.kind == name]
            },
            "tag": query["tag"] ?? "",
        ]
        if query["before"] == nil { values["live"] = "\(last)" }
        let same = [("kind", filter.kind), ("tag", query["tag"])].compactMap { name, value in
            value.map { "\(name)=\(Query.encode($0))" }
        }
        if events.count == filter.limit, let end = events.last {
            values["older"] = "/feed?" + (same + ["before=\(end.sequence)"]).joined(separator: "&")
        }
        values["exports"] = Export.links("/api/v1/events?" + (same + ["limit=1000"]).joined(separator: "&"))
        return console.render("feed", request, title: "Events", current: "/feed", values)
    }
}

/// Server-sent events (HTML standard §9.2).
struct LiveFeed {
    /// A comment keeps the connection and shows when it is gone.
    private static let heartbeat = Duration.seconds(15)

    let console: Console

    func response(_ request: Request) async throws -> Response {
        let given = request.headers[.lastEventID] ?? Query(request)["after"] ?? ""
        guard let stream = await console.services.feed.watch() else {
            return Response.text("Too many watch the feed.\n", status: .serviceUnavailable)
        }
        // What happened between the page and this connection.
        var missed: [StoredEvent] = []
        if let after = Int64(given), after >= 0 {
            var filter = EventFilter()
            filter.after = after
            while missed.count < 5_000, let found = try? await console.services.events.events(filter),
                let last = found.last
            {
                missed += found
                filter.after = last.sequence
            }
        }
        let beginning = missed
        let access = console.access
        let session = access.session(request)
        return Response(
            status: .ok,
            headers: [.contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-store, private"],
            body: ResponseBody { writer in
                var shown = beginning.last?.sequence ?? 0
                try await writer.write(ByteBuffer(string: "retry: 2000\n\n" + beginning.map(Self.text).joined()))
                for await events in Self.ticking(stream) {
                    // Whoever has logged out sees no more.
                    if let session, !access.sessions.isAlive(session, now: access.now()) { break }
                    let fresh = events.filter { $0.sequence > shown }
                    shown = fresh.last?.sequence ?? shown
                    // An empty tick is a comment.
                    try await writer.write(
                        ByteBuffer(string: events.isEmpty ? ":\n\n" : fresh.map(Self.text).joined()))
                }
                try await writer.finish(nil)
            })
    }

    private static func text(_ event: StoredEvent) -> String {
        "id: \(event.sequence)\nevent: event\ndata: \(EventView(event).json)\n\n"
    }

    /// The events, and nothing from time to time.
    private static func ticking(_ stream: AsyncStream<StoredEvent>) -> AsyncStream<[StoredEvent]> {
        AsyncStream(bufferingPolicy: .bufferingOldest(1_000)) { continuation in
            let events = Task {
                for await event in stream {
                    // Whoever is that far behind comes again with the last number seen.
                    if case .dropped = continuation.yield([event]) { break }
                }
                continuation.finish()
            }
            let ticks = Task {
                while !Task.isCancelled {
                    try? await Task.sleep(for: heartbeat)
                    continuation.yield([])
                }
            }
            continuation.onTermination = { _ in
                events.cancel()
                ticks.cancel()
            }
        }
    }
}

/// What is wrong, before somebody asks.
struct HealthPage {
    let console: Console

    func page(_ request: Request) async throws -> Response {
        let groups = await console.services.health()
        let values: [String: Any] = [
            "groups": groups.enumerated().map { number, group -> [String: Any] in
                [
                    "number": "\(number)", "name": group.name,
                    "checks": group.checks.map { ["name": $0.name, "state": $0.state.rawValue, "detail": $0.detail] },
                ]
            }
        ]
        return console.render("health", request, title: "Health", current: "/health", values)
    }
}
