import Foundation
import Lab
import Testing

/// What each `Accept` and `Accept-Encoding` gets from the running server, with curl as the client.
@Suite(.sharedExporter, .startsServers, .timeLimit(.minutes(15)))
struct NegotiationTests {
    private static let text = "text/plain; version=0.0.4; charset=utf-8; escaping="
    private static let open = "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping="
    private static let openAsked = "application/openmetrics-text;version=1.0.0"

    static let prometheus242 =
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
        + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
    static let prometheus314 =
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        + "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
        + "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
    private static let protobuf =
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"

    /// The `Accept` fields of a request, and the media type of its answer.
    private static let formats: [([String], String)] = [
        ([prometheus242], open + "underscores"),
        ([prometheus314], open + "allow-utf-8"),
        (["\(protobuf);q=0.7,\(prometheus314)"], open + "allow-utf-8"),
        (["\(protobuf);q=0.7,text/plain;version=0.0.4;q=0.6,*/*;q=0.2"], text + "underscores"),
        ([protobuf], text + "underscores"),
        // As curl says it by itself, nothing, and an empty field.
        ([], text + "underscores"), (["-"], text + "underscores"), ([""], text + "underscores"),
        (["*/*"], text + "underscores"), (["text/*"], text + "underscores"),
        (["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"], text + "underscores"),
        (["text/plain"], text + "underscores"), (["text/plain;version=0.0.4"], text + "underscores"),
        (["image/png"], text + "underscores"),
        // Versions that we do not have.
        (["application/openmetrics-text"], text + "underscores"),
        (["application/openmetrics-text;version=0.0.1"], text + "underscores"),
        (["application/openmetrics-text;version=2.0.0,text/plain;version=0.0.4;q=0.3"], text + "underscores"),
        (["application/openmetrics-text;version=2.0.0;q=0.9,\(openAsked);q=0.8"], open + "underscores"),
        (["text/plain;version=1.0.0;escaping=dots"], text + "underscores"),
        (["text/plain;version=9"], text + "underscores"),
        // Names of ours are the same in every scheme.
        (["\(openAsked);escaping=allow-utf-8"], open + "allow-utf-8"),
        (["\(openAsked);escaping=underscores"], open + "underscores"), (["\(openAsked);escaping=dots"], open + "dots"),
        (["\(openAsked);escaping=values"], open + "values"), (["\(openAsked);escaping=none"], open + "underscores"),
        (["\(openAsked);escaping="], open + "underscores"), (["text/plain;escaping=values"], text + "values"),
        (["\(openAsked);escaping=\"dots\""], open + "dots"),
        // Weights.
        (["\(openAsked);q=0"], text + "underscores"), (["\(openAsked);q=0.000,text/plain;q=0"], text + "underscores"),
        (["\(openAsked);q=0.3,text/plain;q=0.4"], text + "underscores"),
        (["text/plain;q=0.4,\(openAsked);q=0.4"], open + "underscores"),
        (["text/plain;q=0.001,\(openAsked);q=0.002"], open + "underscores"),
        (["\(openAsked);q=2"], text + "underscores"), (["\(openAsked);q=-1"], text + "underscores"),
        (["\(openAsked);q=nan"], text + "underscores"), (["\(openAsked);q="], text + "underscores"),
        (["\(openAsked);q=1e-1"], open + "underscores"),
        // What is written otherwise, or badly.
        (["Application/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=0.2"], open + "underscores"),
        ([";;;q=,,/,=;=", openAsked], open + "underscores"),
        (["application/openmetrics-text;version"], text + "underscores"),
        // Several lines are one list.
        (["text/plain;q=0.1", "\(openAsked);q=0.2"], open + "underscores"),
        (["text/plain;q=0.3", "\(openAsked);q=0.2"], text + "underscores"),
    ]

    @Test(arguments: formats)
    func format(accept: [String], contentType: String) async throws {
        let exporter = try Exporter.shared
        var options = accept.flatMap { ["-H", $0 == "-" ? "Accept:" : $0.isEmpty ? "Accept;" : "Accept: \($0)"] }
        // Only the one family, so that parsing it takes little.
        options += ["-g"]
        let answer = try await exporter.get("/metrics?name[]=process_cpu_seconds_total", options: options)
        #expect(answer.status == 200)
        #expect(answer.fields("Content-Type") == [contentType])
        #expect(answer.fields("Vary") == ["Accept, Accept-Encoding"])
        #expect(answer.fields("Content-Encoding") == [])
        #expect(answer.field("Content-Length") == "\(answer.body.utf8.count)")
        let isOpenMetrics = contentType.hasPrefix(Self.open)
        #expect(answer.body.hasSuffix("# EOF\n") == isOpenMetrics)
        let families = try await PrometheusClient.families(of: answer.body, isOpenMetrics: isOpenMetrics)
        #expect(families == ["process_cpu_seconds": .init(type: "counter", samples: 1)])
    }

    /// The `Accept-Encoding` fields of a request, and whether its answer is compressed.
    private static let encodings: [([String], Bool)] = [
        ([], false), ([""], false), (["gzip"], true), (["GZIP"], true), (["x-gzip"], false), (["identity"], false),
        (["gzip;q=0"], false), (["gzip;q=0.000"], false), (["gzip;q=0.001"], true), (["gzip; q=1"], true),
        (["gzip;q=x"], false), (["*"], true), (["*;q=0"], false), (["*;q=0, gzip"], true), (["gzip;q=0, *"], false),
        (["identity;q=0"], false), (["identity;q=0, gzip"], true), (["gzip, deflate, br, zstd"], true),
        (["zstd"], false), (["zstd, gzip;q=0.1"], true), (["deflate", "gzip"], true), ([",;=,"], false),
    ]

    @Test(arguments: encodings, [prometheus242, "text/plain"])
    func encoding(fields: (accepted: [String], isGzip: Bool), accept: String) async throws {
        let options = fields.accepted.flatMap { ["-H", $0.isEmpty ? "Accept-Encoding;" : "Accept-Encoding: \($0)"] }
        let exporter = try Exporter.shared
        // Not --compressed: curl unpacks only what it has asked for itself.
        let answer = try await exporter.get(
            "/metrics", "Accept: \(accept)", options: options + ["-o", "/dev/null", "-D", "-"])
        #expect(answer.status == 200)
        #expect(answer.fields("Content-Encoding") == (fields.isGzip ? ["gzip"] : []))
        #expect(answer.fields("Vary") == ["Accept, Accept-Encoding"])
        #expect(answer.fields("Content-Type").count == 1)
        let whole = try await exporter.get("/metrics", "Accept: \(accept)", options: options + ["--compressed"])
        #expect(whole.body.contains("stack_exporter_build_info{"))
    }

    @Test func aWholePageOfEachFormatIsLegal() async throws {
        let exporter = try Exporter.shared
        for (accept, isOpenMetrics) in [(Self.prometheus314, true), (Self.prometheus242, true), ("text/plain", false)] {
            let answer = try await exporter.get("/metrics", "Accept: \(accept)", options: "--compressed")
            #expect(answer.field("Content-Encoding") == "gzip")
            #expect(try await PrometheusClient.families(of: answer.body, isOpenMetrics: isOpenMetrics).count > 50)
        }
    }

    // MARK: Paths and methods

    static let paths = [
        "/", "/metrics", "/probe?target=host", "/targets", "/-/healthy", "/-/ready", "/readiness", "/health",
    ]
    static let badRequests = ["/probe", "/probe?target=", "/scrape", "/discover-cluster-nodes"]

    /// Those of which the figures have always the same length, nearly.
    static let lasting = [
        "/", "/metrics?name%5B%5D=stack_exporter_build_info", "/probe?target=host&name%5B%5D=node_load1", "/targets",
        "/-/healthy", "/-/ready",
    ]

    @Test(arguments: lasting + badRequests + ["/probe?target=nobody", "/nothing"])
    func headIsGetWithoutItsBody(path: String) async throws {
        let exporter = try Exporter.shared
        var both: (get: Answer, head: Answer)?
        let agree = try await eventually(within: 60) {
            let get = try await exporter.get(path)
            let head = try await exporter.get(path, options: "--head")
            both = (get, head)
            return get.head == head.head
        }
        let (get, head) = try #require(both)
        #expect(agree, "\(get.head) \(head.head)")
        #expect(get.field("Content-Length") == "\(get.body.utf8.count)")
        #expect(!get.body.isEmpty && head.body.isEmpty)
    }

    @Test(arguments: paths.dropFirst())
    func aSlashAtTheEndMakesNoDifference(path: String) async throws {
        let parts = path.split(separator: "?", maxSplits: 1).map(String.init)
        let query = parts.count > 1 ? "?\(parts[1])" : ""
        #expect(try await Exporter.shared.get("\(parts[0])/\(query)").status == 200)
        #expect(try await Exporter.shared.get("\(parts[0])//\(query)").status == 404)
    }

    @Test(arguments: ["/nothing", "/metricsx", "/-", "/-/", "/METRICS", "/favicon.ico", "/metrics/../metrics"])
    func whatIsNotThere(path: String) async throws {
        let answer = try await Exporter.shared.get(path, options: "--path-as-is")
        #expect(answer.status == 404)
        #expect(answer.body == "There is nothing here; the paths that exist are listed at /.\n")
        #expect(answer.fields("Content-Type") == ["text/plain; charset=utf-8"])
    }

    @Test(arguments: paths, ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
    func otherMethods(path: String, method: String) async throws {
        let answer = try await Exporter.shared.get(path, options: "-X", method)
        #expect(answer.status == 405)
        #expect(answer.field("Allow") == "GET, HEAD")
    }
}

extension Answer {
    /// All values of a field.
    fileprivate func fields(_ name: String) -> [String] {
        head.split(separator: "\r\n").filter { $0.lowercased().hasPrefix("\(name.lowercased()):") }
            .map { $0.drop { $0 != ":" }.dropFirst().trimmingCharacters(in: .whitespaces) }
    }
}
