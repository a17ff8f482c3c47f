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
    private static let size = CatalogueEntry(
        MetricDescriptor(
            "http_response_size_bytes", .histogram, "Bytes of answers' bodies, compressed where they are sent so."),
        labels: ["handler"], source: "the HTTP server")
    private static let inFlight = CatalogueEntry(
        MetricDescriptor(
            "http_requests_in_flight", .gauge, "Requests whose answers are being made, that for this page included."),
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
    public static let metrics = [requests, duration, size, inFlight, scrapeErrors, webConfiguration]

    private static let sizeBounds: [Double] = [100, 1000, 10_000, 100_000, 1_000_000, 10_000_000]
    /// From an answer out of memory to a scrape that runs into the usual time limit.
    private static let durationBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

    private struct Key: Hashable, Comparable {
        let handler: String
        let method: String
        let status: UInt

        static func < (left: Key, right: Key) -> Bool {
            (left.handler, left.method, left.status) < (right.handler, right.method, right.status)
        }
    }

    private struct Distribution {
        private let bounds: [Double]
        /// One count per bound, not cumulative.
        private var counts: [UInt64]
        private var count: UInt64 = 0
        private var sum = 0.0

        init(bounds: [Double]) {
            self.bounds = bounds
            counts = [UInt64](repeating: 0, count: bounds.count)
        }

        mutating func observe(_ value: Double) {
            if let index = bounds.firstIndex(where: { value <= $0 }) { counts[index] += 1 }
            count += 1
            sum += value
        }

        var histogram: Histogram {
            var cumulative: UInt64 = 0
            let buckets = zip(bounds, counts).map { bound, count in
                cumulative += count
                return Histogram.Bucket(upperBound: bound, cumulativeCount: cumulative)
            }
            return Histogram(buckets: buckets, count: count, sum: sum)
        }
    }

    /// What a handler has done and is about.
    private struct Work {
        var durations = Distribution(bounds: HTTPMetrics.durationBounds)
        var sizes = Distribution(bounds: HTTPMetrics.sizeBounds)
        var inFlight = 0
    }

    private struct State {
        var requests: [Key: UInt64] = [:]
        var work: [String: Work] = [:]
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
        var sizes = MetricFamily(Self.size.descriptor)
        var inFlight = MetricFamily(Self.inFlight.descriptor)
        for (handler, work) in state.work.sorted(by: { $0.key < $1.key }) {
            let labels: Labels = ["handler": handler]
            durations.append(work.durations.histogram, labels)
            sizes.append(work.sizes.histogram, labels)
            inFlight.append(Double(work.inFlight), labels)
        }
        var families = [requests, durations, sizes, inFlight]
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

    /// Counts a request that a handler begins to answer.
    ///
    /// - Parameter handler: A route's path or another word of ours, never what a client sent: that has no end of values.
    func begin(handler: String) {
        state.withLock { $0.work[handler, default: Work()].inFlight += 1 }
    }

    /// Counts the answer to a request that was begun.
    ///
    /// - Parameter size: Bytes of its body.
    func end(handler: String, method: HTTPMethod, status: HTTPResponseStatus, took duration: Duration, size: Int) {
        state.withLock { state in
            state.requests[Self.key(handler, method, status), default: 0] += 1
            var work = state.work[handler, default: Work()]
            work.inFlight -= 1
            work.durations.observe(duration.seconds)
            work.sizes.observe(Double(size))
            state.work[handler] = work
        }
    }

    /// Counts a request that no handler came to see.
    ///
    /// - Parameters:
    ///   - handler: Who refused it, a word of ours.
    ///   - method: `nil` where it was not understood.
    func refuse(handler: String, method: HTTPMethod?, status: HTTPResponseStatus) {
        state.withLock { $0.requests[Self.key(handler, method, status), default: 0] += 1 }
    }

    private static func key(_ handler: String, _ method: HTTPMethod?, _ status: HTTPResponseStatus) -> Key {
        Key(handler: handler, method: name(of: method), status: status.code)
    }

    private static func name(of method: HTTPMethod?) -> String {
        let known: [HTTPMethod] = [.GET, .HEAD, .POST, .PUT, .DELETE, .OPTIONS]
        guard let method, known.contains(method) else { return "other" }
        return method.rawValue
    }
}
