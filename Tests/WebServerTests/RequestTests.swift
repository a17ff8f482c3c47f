import Configuration
import NIOHTTP1
import Testing

@testable import WebServer

@Suite struct RequestTests {
    private static let accept =
        "Accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,*/*;q=0.2"

    @Test(arguments: ["/metrics", "/metrics/", "/metrics?debug=1", "http://test/metrics"])
    func metrics(path: String) async throws {
        try await withServer { server in
            let answer = try await server.client().get(path)
            #expect(answer.status == 200)
            #expect(answer.field("Content-Type") == "text/plain; version=0.0.4; charset=utf-8; escaping=underscores")
            #expect(answer.field("Vary") == "Accept, Accept-Encoding")
            #expect(answer.field("Content-Encoding") == nil)
            #expect(answer.field("Content-Length") == "\(answer.body.count)")
            #expect(answer.text.contains("\ntest_number 42\n"))
            #expect(answer.text.contains("\ntest_up 1\n"))
        }
    }

    @Test func openMetricsInGzip() async throws {
        try await withServer { server in
            let answer = try await server.client().get("/metrics", Self.accept, "Accept-Encoding: gzip")
            #expect(
                answer.field("Content-Type")
                    == "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8")
            #expect(answer.field("Content-Encoding") == "gzip")
            let page = String(decoding: try #require(inflated(answer.body)), as: UTF8.self)
            #expect(page.hasSuffix("\n# EOF\n"))
            #expect(page.contains("\ntest_number 42\n"))
        }
    }

    @Test func anotherTelemetryPath() async throws {
        try await withServer({ $0.telemetryPath = "/prometheus/" }) { server in
            let client = try server.client()
            #expect(try await client.get("/prometheus").status == 200)
            #expect(try await client.get("/prometheus/").status == 200)
            #expect(try await client.get("/metrics").status == 404)
        }
    }

    @Test func theScrapesTimeLimit() async throws {
        try await withServer(target: TestTarget(isOpen: false)) { server in
            let answer = try await server.client().get("/metrics", "X-Prometheus-Scrape-Timeout-Seconds: 0.5")
            #expect(answer.status == 200)
            #expect(answer.text.contains("\ntest_up 0\n"))
            #expect(answer.text.contains(#"reason="timeout""#))
        }
    }

    @Test func healthAndReadiness() async throws {
        try await withServer(target: TestTarget(isOpen: false)) { server in
            let client = try server.client()
            #expect(try await client.get("/-/healthy").text == "Healthy.\n")
            #expect(try await client.get("/-/ready").text == "Ready.\n")
        }
    }

    @Test func statusPage() async throws {
        try await withServer { server in
            let answer = try await server.client().get("/")
            #expect(answer.status == 200)
            #expect(answer.field("Content-Type") == "text/html; charset=utf-8")
            #expect(answer.field("X-Content-Type-Options") == "nosniff")
            #expect(answer.text.contains("Version 1.2, revision abc, up for 1 min 30 s."))
            #expect(answer.text.contains("no answer yet"))
            _ = try await server.client().get("/metrics")
            #expect(try await server.client().get("/").text.contains("<td class=\"good\">up</td>"))
            let zipped = try await server.client().get("/", "Accept-Encoding: gzip")
            #expect(zipped.field("Content-Encoding") == "gzip")
            #expect(zipped.field("Vary") == "Accept-Encoding")
            #expect(String(decoding: try #require(inflated(zipped.body)), as: UTF8.self).hasSuffix("</html>\n"))
        }
    }

    @Test func headIsGetWithoutBody() async throws {
        try await withServer { server in
            let client = try server.client()
            for path in ["/", "/-/healthy", "/nothing"] {
                let get = try await client.get(path)
                await client.send("HEAD \(path) HTTP/1.1\r\nHost: test\r\n\r\n")
                let head = try await client.answer(hasBody: false)
                #expect(head.head == get.head)
            }
            // The metrics change, but the connection has to stay in step.
            await client.send("HEAD /metrics HTTP/1.1\r\nHost: test\r\n\r\n")
            let head = try await client.answer(hasBody: false)
            #expect(head.status == 200)
            #expect(head.field("Content-Length") != "0")
            #expect(try await client.get("/-/healthy").status == 200)
        }
    }

    @Test func unknownPathsAndMethods() async throws {
        let route = Route("/only-post", methods: [.POST, .PUT]) { _ in HTTPResponse(.accepted, "Done.") }
        try await withServer(routes: [route]) { server in
            let client = try server.client()
            let missing = try await client.get("/wp-login.php?x")
            #expect(missing.status == 404)
            #expect(missing.text == "There is nothing here; the paths that exist are listed at /.\n")
            await client.send("DELETE /metrics HTTP/1.1\r\nHost: test\r\n\r\n")
            let refused = try await client.answer()
            #expect(refused.status == 405)
            #expect(refused.field("Allow") == "GET, HEAD")
            let get = try await client.get("/only-post")
            #expect(get.status == 405)
            #expect(get.field("Allow") == "POST, PUT")
            await client.send("POST /only-post HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello")
            #expect(try await client.answer().status == 202)
            #expect(server.requests("not_found", 404) == 1)
            #expect(server.requests("/metrics", 405) == 1)
            #expect(server.requests("/only-post", 202) == 1)
        }
    }

    @Test func theRouteSeesPathAndQuery() async throws {
        let route = Route("/echo") { HTTPResponse(.ok, "\($0.method) \($0.path) \($0.query ?? "none")") }
        try await withServer(routes: [route]) { server in
            let client = try server.client()
            #expect(try await client.get("/echo").text == "GET /echo none\n")
            #expect(try await client.get("/echo?").text == "GET /echo \n")
            #expect(try await client.get("/echo/?a=b?c").text == "GET /echo/ a=b?c\n")
        }
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
        let route = Route("/slow") { _ in
            try? await Task.sleep(for: .milliseconds(50))
            return HTTPResponse(.ok, "slow")
        }
        try await withServer(routes: [route]) { server in
            let client = try server.client()
            await client.send(
                ["/slow", "/-/healthy", "/slow", "/nothing"].map { "GET \($0) HTTP/1.1\r\nHost: test\r\n\r\n" }.joined()
            )
            #expect(try await client.answer().text == "slow\n")
            #expect(try await client.answer().text == "Healthy.\n")
            #expect(try await client.answer().text == "slow\n")
            #expect(try await client.answer().status == 404)
        }
    }

    @Test func keepAliveEndsWhereTheClientSaysSo() async throws {
        try await withServer { server in
            let client = try server.client()
            for _ in 0..<20 {
                let answer = try await client.get("/-/healthy")
                #expect(answer.field("Connection") == nil)
            }
            #expect(try await client.get("/-/healthy", "Connection: close").field("Connection") == "close")
            #expect(try await client.rest().isEmpty)
        }
    }

    @Test func http10() async throws {
        try await withServer { server in
            let lasting = try server.client()
            await lasting.send("GET /-/healthy HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let first = try await lasting.answer()
            #expect(first.head.hasPrefix("HTTP/1.0 200 "))
            #expect(first.field("Connection") == "keep-alive")
            await lasting.send("GET /metrics HTTP/1.0\r\n\r\n")
            let second = try await lasting.answer()
            #expect(second.field("Connection") == "close")
            #expect(second.field("Transfer-Encoding") == nil)
            #expect(second.text.contains("test_number 42"))
            #expect(try await lasting.rest().isEmpty)
        }
    }

    @Test func aRequestToSpeakAnotherProtocolEndsTheConnection() async throws {
        try await withServer { server in
            let client = try server.client()
            let answer = try await client.get("/-/healthy", "Connection: Upgrade", "Upgrade: h2c")
            #expect(answer.status == 200)
            #expect(answer.field("Connection") == "close")
            #expect(try await client.rest().isEmpty)
        }
    }

    @Test func aClientThatGoesAway() async throws {
        try await withServer(target: TestTarget(isOpen: false)) { server in
            let client = try server.client()
            await client.send("GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n")
            try await eventually { server.target.runs == 1 }
            await client.disconnect()
            try await eventually { server.server.connections.count == 0 }
            server.target.open()
            try await eventually { server.requests("/metrics", 499) == 1 }
            #expect(try await server.client().get("/metrics").status == 200)
        }
    }
}
