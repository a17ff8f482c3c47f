import Exposition
import NIOHTTP1
import Testing

@testable import WebServer

@Suite struct NegotiationTests {
    private static let prometheus242 =
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
        + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
    private static let prometheus3 =
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        + "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
        + "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
    private static let prometheus3WithProtobuf =
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,"
        + prometheus3

    private static let accepts: [(String?, ExpositionFormat, String)] = [
        (prometheus242, .openMetrics, "underscores"),
        (prometheus3, .openMetrics, "allow-utf-8"),
        (prometheus3WithProtobuf, .openMetrics, "allow-utf-8"),
        (nil, .text, "underscores"),
        ("", .text, "underscores"),
        ("*/*", .text, "underscores"),
        ("text/*", .text, "underscores"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", .text, "underscores"),
        ("text/plain", .text, "underscores"),
        ("text/plain;version=0.0.4;escaping=dots", .text, "dots"),
        ("text/plain;version=1.0.0;escaping=values", .text, "underscores"),
        ("application/openmetrics-text;version=1.0.0;escaping=values", .openMetrics, "values"),
        ("application/openmetrics-text;version=1.0.0;escaping=klingon", .openMetrics, "underscores"),
        ("application/openmetrics-text;version=1.0.0;escaping", .openMetrics, "underscores"),
        // Without a version it is 0.0.1.
        ("application/openmetrics-text", .text, "underscores"),
        ("application/openmetrics-text;version=2.0.0", .text, "underscores"),
        ("Application/OpenMetrics-Text; Version=\"1.0.0\" ; Q=0.2", .openMetrics, "underscores"),
        // The highest weight wins, OpenMetrics where two are equal.
        ("application/openmetrics-text;version=1.0.0;q=0.3,text/plain;q=0.4", .text, "underscores"),
        ("text/plain;q=0.4,application/openmetrics-text;version=1.0.0;q=0.4", .openMetrics, "underscores"),
        ("application/openmetrics-text;version=1.0.0;q=0.4,text/plain;q=0.4", .openMetrics, "underscores"),
        ("application/openmetrics-text;version=1.0.0;q=0.5,*/*", .text, "underscores"),
        // Nothing that we have is still answered.
        ("application/openmetrics-text;version=1.0.0;q=0", .text, "underscores"),
        ("application/openmetrics-text;version=1.0.0;q=0,text/plain;q=0", .text, "underscores"),
        ("image/png", .text, "underscores"),
        // Weights that are none.
        ("application/openmetrics-text;version=1.0.0;q=2", .text, "underscores"),
        ("application/openmetrics-text;version=1.0.0;q=nan", .text, "underscores"),
        ("application/openmetrics-text;version=1.0.0;q=", .text, "underscores"),
        (";;;q=,,/,=;=", .text, "underscores"),
    ]

    @Test(arguments: accepts)
    func accept(field: String?, format: ExpositionFormat, escaping: String) {
        let accepted = AcceptedFormat(field.map { ["Accept": $0] } ?? [:])
        #expect(accepted.format == format)
        #expect(accepted.escaping == escaping)
        #expect(accepted.contentType == "\(format.contentType); escaping=\(escaping)")
    }

    @Test func severalFieldsAreOne() {
        let accepted = AcceptedFormat([
            "Accept": "text/plain;q=0.1", "accept": "application/openmetrics-text;version=1.0.0;q=0.2",
        ])
        #expect(accepted.format == .openMetrics)
    }

    private static let encodings: [(String?, Bool)] = [
        (nil, false), ("", false), ("gzip", true), ("GZIP", true), ("identity", false), ("deflate, gzip;q=0.5", true),
        ("gzip;q=0", false), ("gzip;q=0.000", false), ("gzip; q=0.001", true), ("*", true), ("*;q=0", false),
        ("*;q=0, gzip", true), ("gzip;q=0, *", false), ("gzip;q=x", false), ("xgzip", false),
    ]

    @Test(arguments: encodings)
    func encoding(field: String?, isGzip: Bool) {
        let headers: HTTPHeaders = field.map { ["Accept-Encoding": $0] } ?? [:]
        #expect(headers.acceptGzip == isGzip)
    }
}
