import Configuration
import Exposition
import Logging
import NIOHTTP1
import Scraping
import Testing

@testable import WebServer

@Suite struct MetricsEndpointTests {
    private static func gatherer() -> Gatherer {
        Gatherer(targets: [TestTarget()], log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private static let timeouts: [(String?, Duration?, Duration?)] = [
        (nil, nil, nil), ("", nil, nil), ("soon", nil, nil), ("0", nil, nil), ("-3", nil, nil), ("nan", nil, nil),
        ("inf", nil, nil), ("1 ", nil, nil),
        ("10", nil, .milliseconds(9500)),
        ("1.5", nil, .milliseconds(1350)),
        ("1", nil, .milliseconds(900)),
        ("1e300", nil, .seconds(86_400) - .milliseconds(500)),
        ("10", .seconds(2), .seconds(8)),
        ("10", .zero, .seconds(10)),
        ("1", .seconds(1), nil),
        ("1", .seconds(2), nil),
    ]

    @Test(arguments: timeouts)
    func timeout(header: String?, offset: Duration?, expected: Duration?) {
        let timeout = MetricsEndpoint.timeout(header: header, offset: offset)
        #expect((timeout == nil) == (expected == nil))
        if let timeout, let expected { #expect(abs((timeout - expected).seconds) < 1e-9) }
    }

    @Test func aSharedPageIsWrittenOnce() async {
        let page = await Self.gatherer().page()
        let endpoint = MetricsEndpoint(timeoutOffset: nil, limit: 1)
        for (format, accept) in [("text", "*/*"), ("openMetrics", "application/openmetrics-text;version=1.0.0")] {
            let plain = endpoint.answer(page, ["Accept": accept])
            let gzip = endpoint.answer(page, ["Accept": accept, "Accept-Encoding": "gzip"])
            #expect(inflated(gzip.body) == plain.body)
            // What is made anew from here on would be empty.
            #expect(page.bytes(for: format) { [] } == plain.body)
            #expect(page.bytes(for: "\(format) gzip") { [] } == gzip.body)
            #expect(endpoint.answer(page, ["Accept": accept, "Accept-Encoding": "gzip"]).body == gzip.body)
        }
    }

    @Test func pagesDoNotMixInTheScratch() async {
        let endpoint = MetricsEndpoint(timeoutOffset: nil, limit: 1)
        let first = endpoint.answer(await Self.gatherer().page(), [:])
        let kept = first.body
        let second = endpoint.answer(
            await Self.gatherer().page(), ["Accept": "application/openmetrics-text;version=1.0.0"])
        #expect(first.body == kept)
        #expect(second.body.ends(with: "# EOF\n"))
        #expect(!kept.ends(with: "# EOF\n"))
    }
}

extension [UInt8] {
    fileprivate func ends(with text: String) -> Bool { suffix(text.utf8.count).elementsEqual(text.utf8) }
}
