public import Exposition
import NIOHTTP1
public import Scraping
import Synchronization

/// What the server counts of itself. It is made before the gatherer, which shows it, and handed to the server, which
/// fills it.
public final class HTTPMetrics: SelfMetrics {
    private static let requests = CatalogueEntry(
        MetricDescriptor("http_requests_total", .counter, "Requests answered, by route, method and status."),
        labels: ["handler", "method", "status"], source: "the HTTP server")
    private static let duration = CatalogueEntry(
        MetricDescriptor(
            "http_request_duration_seconds", .histogram, "From the end of the request to the start of its answer."),
        labels: ["handler"], source: "the HTTP server")

    private static let scrapeErrors = CatalogueEntry(
        MetricDescriptor(
            "redis_target_scrape_request_errors_total", .counter,
            "Requests for /scrape that were refused, by a status from 400 to 498."),
        source: "the HTTP server")

    private static let webConfiguration = CatalogueEntry(
        MetricDescriptor(
            "stack_exporter_web_config_last_reload_successful", .gauge,
            "Whether --web.config.file and its certificates could be read when they last changed, or never did: 1 or 0."
        ),
        source: "the HTTP server")

    /// What it can tell.
    public static let metrics = [requests, duration, scrapeErrors, webConfiguration]

    /// From an answer out of memory to a scrape that runs into the usual time limit.
    private static let bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

    private struct Key: Hashable, Comparable {
        let handler: String
        let method: String
        let status: UInt

        static func < (left: Key, right: Key) -> Bool {
            (left.handler, left.method, left.status) < (right.handler, right.method, right.status)
        }
    }

    private struct Durations {
        /// One count per bound, not cumulative.
        var counts = [UInt64](repeating: 0, count: HTTPMetrics.bounds.count)
        var count: UInt64 = 0
        var sum = 0.0
    }

    private struct State {
        var requests: [Key: UInt64] = [:]
        var durations: [String: Durations] = [:]
        var isWebConfigurationRead = true
    }

    private let state = Mutex(State())
    private let showsScrapeErrors: Bool

    /// Nothing counted yet.
    ///
    /// - Parameter showsScrapeErrors: Whether to tell of requests for `/scrape` as redis_exporter does.
    public init(showsScrapeErrors: Bool = false) {
        self.showsScrapeErrors = showsScrapeErrors
    }

    /// The families for the page, always in the same order.
    public func families() -> [MetricFamily] {
        let state = state.withLock { $0 }
        var requests = MetricFamily(Self.requests.descriptor)
        for (key, count) in state.requests.sorted(by: { $0.key < $1.key }) {
            let labels: Labels = ["handler": key.handler, "method": key.method, "status": "\(key.status)"]
            requests.append(Double(count), labels)
        }
        var durations = MetricFamily(Self.duration.descriptor)
        for (handler, observed) in state.durations.sorted(by: { $0.key < $1.key }) {
            var cumulative: UInt64 = 0
            let buckets = zip(Self.bounds, observed.counts).map { bound, count in
                cumulative += count
                return Histogram.Bucket(upperBound: bound, cumulativeCount: cumulative)
            }
            durations.append(
                Histogram(buckets: buckets, count: observed.count, sum: observed.sum), ["handler": handler])
        }
        var families = [requests, durations]
        if showsScrapeErrors {
            let refused = state.requests.filter {
                $0.key.handler == Probe.Path.scrape.rawValue && 400...498 ~= $0.key.status
            }
            families.append(
                MetricFamily(Self.scrapeErrors.descriptor, Double(refused.reduce(0) { $0 + $1.value })))
        }
        families.append(MetricFamily(Self.webConfiguration.descriptor, state.isWebConfigurationRead ? 1 : 0))
        return families
    }

    /// - Parameter isRead: Whether what was there could be read.
    func recordWebConfiguration(isRead: Bool) {
        state.withLock { $0.isWebConfigurationRead = isRead }
    }

    /// - Parameters:
    ///   - handler: A route's path or another word of ours, never what a client sent: that has no end of values.
    ///   - duration: `nil` where no handler came to work.
    func record(handler: String, method: HTTPMethod?, status: HTTPResponseStatus, took duration: Duration?) {
        let key = Key(handler: handler, method: Self.name(of: method), status: status.code)
        state.withLock { state in
            state.requests[key, default: 0] += 1
            guard let seconds = duration?.seconds else { return }
            var durations = state.durations[handler, default: Durations()]
            if let index = Self.bounds.firstIndex(where: { seconds <= $0 }) { durations.counts[index] += 1 }
            durations.count += 1
            durations.sum += seconds
            state.durations[handler] = durations
        }
    }

    private static func name(of method: HTTPMethod?) -> String {
        let known: [HTTPMethod] = [.GET, .HEAD, .POST, .PUT, .DELETE, .OPTIONS]
        guard let method, known.contains(method) else { return "other" }
        return method.rawValue
    }
}
