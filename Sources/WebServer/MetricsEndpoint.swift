import Configuration
import Exposition
import NIOHTTP1
import Scraping
import Synchronization

/// Answers scrapes: has a page made within the time that Prometheus has, and writes it as it asked for it.
final class MetricsEndpoint: Sendable {
    private let timeoutOffset: Duration?
    private let limit: Int
    private let inFlight = Mutex(0)
    /// Pages are written here, so that the buffer grows to a page's size once and not at every scrape.
    private let scratch = Mutex<[UInt8]>([])
    private static let scratchLimit = 1024 * 1024
    private static let gzipLevel: Int32 = 1

    init(timeoutOffset: Duration?, limit: Int) {
        self.timeoutOffset = timeoutOffset
        self.limit = limit
    }

    /// - Parameter page: Makes the page, within a time limit.
    func respond(
        to request: HTTPRequest, page: (Duration?) async throws(ProbeRefusal) -> Page
    ) async -> HTTPResponse {
        let isAdmitted = inFlight.withLock { count in
            guard count < limit else { return false }
            count += 1
            return true
        }
        guard isAdmitted else {
            return HTTPResponse(.serviceUnavailable, "More than \(limit) scrapes at once; try again later.")
        }
        defer { inFlight.withLock { $0 -= 1 } }

        let timeout = Self.timeout(
            header: request.headers.first(name: "X-Prometheus-Scrape-Timeout-Seconds"), offset: timeoutOffset)
        do {
            let filter = try PageFilter(QueryParameters(request.query))
            let page = try await page(timeout)
            return answer(filter == PageFilter() ? page : page.filtered(by: filter), request.headers)
        } catch {
            return error.response
        }
    }

    /// The page as the client can read it.
    func answer(_ page: Page, _ accept: HTTPHeaders) -> HTTPResponse {
        let accepted = AcceptedFormat(accept)
        var headers: HTTPHeaders = ["Vary": "Accept, Accept-Encoding"]
        var body: [UInt8] = []
        if accept.acceptGzip {
            body = page.bytes(for: "\(accepted.format) gzip") {
                write(page, accepted.format) { Gzip(level: Self.gzipLevel)?.compress($0) } ?? []
            }
        }
        if body.isEmpty {
            body = page.bytes(for: "\(accepted.format)") { plain(page, accepted.format) }
        } else {
            headers.add(name: "Content-Encoding", value: "gzip")
        }
        return HTTPResponse(.ok, contentType: accepted.contentType, body: body, headers: headers)
    }

    private func plain(_ page: Page, _ format: ExpositionFormat) -> [UInt8] {
        let size = format.approximateSize(of: page.families)
        guard size > Self.scratchLimit else {
            // A copy, and not the scratch itself, whose next user would then have to start from nothing.
            return write(page, format) { $0.withUnsafeBufferPointer { Array($0) } }
        }
        // A large page is written once, into what will hold it.
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size)
        format.encode(page.families, into: &bytes)
        return bytes
    }

    private func write<Result: Sendable>(
        _ page: Page,
        _ format: ExpositionFormat,
        use: (borrowing [UInt8]) -> Result
    ) -> Result {
        scratch.withLock { scratch in
            scratch.removeAll(keepingCapacity: true)
            format.encode(page.families, into: &scratch)
            defer { if scratch.capacity > Self.scratchLimit { scratch = [] } }
            return use(scratch)
        }
    }

    /// How long a gather may last for its answer to arrive within the scraper's own time limit; `nil` where there is none
    /// or it makes no sense.
    ///
    /// - Parameters:
    ///   - header: The limit in seconds.
    ///   - offset: What the way there and back takes; by default a tenth of the limit and at most half a second.
    static func timeout(header: String?, offset: Duration?) -> Duration? {
        guard let header, let seconds = Double(header), seconds > 0, seconds.isFinite else { return nil }
        // A day: more is no limit, and much more does not fit a duration.
        let limit = Duration.seconds(min(seconds, 86_400))
        let timeout = limit - (offset ?? min(.milliseconds(500), limit / 10))
        return timeout > .zero ? timeout : nil
    }
}
