public import CoreMetrics
import Synchronization

/// Counters, gauges and histograms behind swift-metrics, and their text for Prometheus (exposition format 0.0.4).
///
/// Labels are names of ours or of the configuration; a label's values must never come from a peer.
public final class PrometheusRegistry: MetricsFactory {
    /// Bounds of a histogram's buckets in seconds.
    static let bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

    private struct Key: Hashable, Comparable {
        let name: String
        let labels: String

        static func < (left: Key, right: Key) -> Bool { (left.name, left.labels) < (right.name, right.labels) }
    }

    private struct Metrics {
        var counters: [Key: PrometheusCounter] = [:]
        var gauges: [Key: PrometheusGauge] = [:]
        var histograms: [Key: PrometheusHistogram] = [:]
        var help: [String: String] = [:]
    }

    private let metrics = Mutex(Metrics())

    /// An empty registry.
    public init() {}

    /// Says what a metric is, in its unit.
    public func describe(_ name: String, _ sentence: String) { metrics.withLock { $0.help[name] = sentence } }

    // MARK: swift-metrics

    /// A counter.
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        let key = Self.key(label, dimensions)
        return metrics.withLock { metrics in
            let counter = metrics.counters[key] ?? PrometheusCounter()
            metrics.counters[key] = counter
            return counter
        }
    }

    /// A gauge, whether or not it aggregates.
    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        let key = Self.key(label, dimensions)
        return metrics.withLock { metrics in
            let gauge = metrics.gauges[key] ?? PrometheusGauge()
            metrics.gauges[key] = gauge
            return gauge
        }
    }

    /// A histogram of seconds.
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        let key = Self.key(label, dimensions)
        return metrics.withLock { metrics in
            let histogram = metrics.histograms[key] ?? PrometheusHistogram()
            metrics.histograms[key] = histogram
            return histogram
        }
    }

    /// Metrics live as long as the process.
    public func destroyCounter(_ handler: any CounterHandler) {}
    /// See ``destroyCounter(_:)``.
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    /// See ``destroyCounter(_:)``.
    public func destroyTimer(_ handler: any TimerHandler) {}

    private static func key(_ name: String, _ dimensions: [(String, String)]) -> Key {
        let labels = dimensions.map { "\($0.0)=\"\(escape($0.1))\"" }.joined(separator: ",")
        return Key(name: name, labels: labels)
    }

    private static func escape(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    // MARK: Text

    /// All metrics.
    public var text: String {
        let all = metrics.withLock { $0 }
        var groups: [String: (type: String, lines: [(Key, String)])] = [:]
        func add(_ key: Key, _ type: String, _ lines: String) {
            groups[key.name, default: (type, [])].lines.append((key, lines))
        }
        for (key, counter) in all.counters { add(key, "counter", Self.line(key, "", "\(counter.value)")) }
        for (key, gauge) in all.gauges { add(key, "gauge", Self.line(key, "", Self.number(gauge.value))) }
        for (key, histogram) in all.histograms { add(key, "histogram", Self.lines(key, histogram.state)) }
        return groups.sorted { $0.key < $1.key }.map { name, group in
            let help = all.help[name].map { "# HELP \(name) \($0)\n" } ?? ""
            return "\(help)# TYPE \(name) \(group.type)\n"
                + group.lines.sorted { $0.0 < $1.0 }.map(\.1).joined()
        }.joined()
    }

    private static func line(_ key: Key, _ suffix: String, _ value: String, more: String = "") -> String {
        let labels = [key.labels, more].filter { !$0.isEmpty }.joined(separator: ",")
        return "\(key.name)\(suffix)\(labels.isEmpty ? "" : "{\(labels)}") \(value)\n"
    }

    private static func lines(_ key: Key, _ state: PrometheusHistogram.State) -> String {
        var text = ""
        var sum: Int64 = 0
        for (bound, count) in zip(bounds.map(number) + ["+Inf"], state.counts) {
            sum += count
            text += line(key, "_bucket", "\(sum)", more: "le=\"\(bound)\"")
        }
        text += line(key, "_sum", number(Double(state.nanoseconds) / 1e9))
        return text + line(key, "_count", "\(sum)")
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }
}

final class PrometheusCounter: CounterHandler {
    private let count = Atomic<Int64>(0)
    var value: Int64 { count.load(ordering: .relaxed) }
    func increment(by amount: Int64) { count.add(amount, ordering: .relaxed) }
    func reset() { count.store(0, ordering: .relaxed) }
}

final class PrometheusGauge: RecorderHandler {
    private let current = Mutex<Double>(0)
    var value: Double { current.withLock { $0 } }
    func record(_ value: Int64) { current.withLock { $0 = Double(value) } }
    func record(_ value: Double) { current.withLock { $0 = value } }
}

final class PrometheusHistogram: TimerHandler {
    struct State {
        var counts = [Int64](repeating: 0, count: PrometheusRegistry.bounds.count + 1)
        var nanoseconds: Int64 = 0
    }

    private let current = Mutex(State())
    var state: State { current.withLock { $0 } }

    func recordNanoseconds(_ duration: Int64) {
        let seconds = Double(duration) / 1e9
        let place = PrometheusRegistry.bounds.firstIndex { seconds <= $0 } ?? PrometheusRegistry.bounds.count
        current.withLock { state in
            state.counts[place] += 1
            state.nanoseconds += duration
        }
    }
}

/// What the tracking host counts.
public struct HitMetrics: Sendable {
    let invalidTokens: Counter
    private let unnamed: Counter
    private let unnamedCount: UnnamedHits

    /// Metrics that nobody reads.
    public init() { self.init(PrometheusRegistry()) }

    /// Metrics of a registry.
    public init(_ registry: PrometheusRegistry) {
        registry.describe("token_invalid_total", "Requests for a pixel or link whose token no key signed.")
        invalidTokens = Counter(label: "token_invalid_total", dimensions: [], factory: registry)
        registry.describe(
            "hits_without_reader_total",
            "Hits whose reader's address is not known: they came from this machine or a proxy, without X-Forwarded-For."
        )
        unnamed = Counter(label: "hits_without_reader_total", dimensions: [], factory: registry)
        unnamedCount = UnnamedHits()
    }

    /// Hits since the start that came from a proxy, or this machine, which did not say for whom.
    public var hitsWithoutReader: Int { unnamedCount.count.load(ordering: .relaxed) }

    func noteUnnamed() {
        unnamed.increment()
        unnamedCount.count.add(1, ordering: .relaxed)
    }
}

/// One count for all copies of ``HitMetrics``.
private final class UnnamedHits: Sendable {
    let count = Atomic<Int>(0)
}
