import Configuration
import NIOHTTP1
import Testing

@testable import WebServer

@Suite struct LimitTests {
    @Test func headTooLarge() async throws {
        try await withServer { server in
            let bytes = try server.client()
            await bytes.send("GET / HTTP/1.1\r\nHost: test\r\nX: \(String(repeating: "x", count: 16 * 1024))\r\n\r\n")
            let answer = try await bytes.answer()
            #expect(answer.status == 431)
            #expect(answer.field("Connection") == "close")
            #expect(answer.text == "A request's head has at most 16384 bytes and 100 fields.\n")
            #expect(try await bytes.rest().isEmpty)

            let fields = try server.client()
            await fields.send("GET / HTTP/1.1\r\nHost: test\r\n\(String(repeating: "x: y\r\n", count: 100))\r\n")
            #expect(try await fields.answer().status == 431)

            let many = try server.client()
            await many.send("GET / HTTP/1.1\r\nHost: test\r\n\(String(repeating: "x: y\r\n", count: 99))\r\n")
            #expect(try await many.answer().status == 200)
            #expect(server.requests("bad_request", 431) == 2)
        }
    }

    @Test func targetTooLong() async throws {
        try await withServer { server in
            let long = try server.client()
            let answer = try await long.get("/?\(String(repeating: "x", count: 8 * 1024))")
            #expect(answer.status == 414)
            #expect(answer.field("Connection") == "close")
            #expect(try await server.client().get("/?\(String(repeating: "x", count: 8 * 1024 - 2))").status == 200)
            #expect(try await server.client().get("/?\(String(repeating: "x", count: 20 * 1024))").status == 431)
        }
    }

    @Test func bodies() async throws {
        try await withServer { server in
            let small = try server.client()
            await small.send(
                "GET /-/healthy HTTP/1.1\r\nHost: test\r\nContent-Length: 8192\r\n\r\n\(String(repeating: "x", count: 8192))"
            )
            #expect(try await small.answer().status == 200)
            #expect(try await small.get("/-/healthy").status == 200)

            let announced = try server.client()
            await announced.send("GET /-/healthy HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n")
            #expect(try await announced.answer().status == 413)
            #expect(try await announced.rest().isEmpty)

            let chunked = try server.client()
            await chunked.send("GET /-/healthy HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<9 { await chunked.send("400\r\n\(String(repeating: "x", count: 1024))\r\n") }
            #expect(try await chunked.answer().status == 413)
        }
    }

    @Test func whoSendsAllTheSameGetsToReadWhy() async throws {
        try await withServer({ $0.limits.closeTimeout = .seconds(60) }) { server in
            let client = try server.client()
            // More than socket buffers hold: the server has to take it in, or the connection would be reset.
            let isTaken = await client.send(
                "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 30000000\r\n\r\n\(String(repeating: "x", count: 30_000_000))"
            )
            #expect(isTaken)
            #expect(try await client.answer().status == 413)
        }
    }

    @Test(arguments: [
        ("\u{16}\u{3}\u{1}\u{2}\u{0}\r\n\r\n", 400), ("GET\r\n\r\n", 400), ("GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n", 400),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400), ("GET / HTTP/2.0\r\n\r\n", 505), ("GET / HTTP/1.7\r\n\r\n", 505),
    ])
    func noHTTP(text: String, status: Int) async throws {
        try await withServer { server in
            let client = try server.client()
            await client.send(text)
            let answer = try await client.answer()
            #expect(answer.status == status)
            #expect(answer.field("Connection") == "close")
            #expect(try await client.rest().isEmpty)
            #expect(server.requests("bad_request", status) == 1)
        }
    }

    @Test func anErrorBehindARequestComesAfterItsAnswer() async throws {
        try await withServer { server in
            let client = try server.client()
            await client.send("GET /-/healthy HTTP/1.1\r\nHost: test\r\n\r\n\u{1}\u{2}\u{3}\r\n\r\n")
            #expect(try await client.answer().status == 200)
            #expect(try await client.answer().status == 400)
            #expect(try await client.rest().isEmpty)
        }
    }

    @Test func whoSaysNothingIsClosed() async throws {
        try await withServer({ $0.limits.readTimeout = .milliseconds(200) }) { server in
            let client = try server.client()
            #expect(try await client.rest().isEmpty)
        }
    }

    @Test func whoIsIdleIsClosed() async throws {
        try await withServer({ $0.limits.idleTimeout = .milliseconds(200) }) { server in
            let client = try server.client()
            #expect(try await client.get("/-/healthy").status == 200)
            #expect(try await client.rest().isEmpty)
        }
    }

    @Test(arguments: [
        "", "GET /-/healthy HTTP/1.1\r\nHost: test\r\n\r\n",
    ])
    func whoDripsIsClosed(before: String) async throws {
        try await withServer({ $0.limits.readTimeout = .milliseconds(400) }) { server in
            let client = try server.client()
            if !before.isEmpty {
                await client.send(before)
                #expect(try await client.answer().status == 200)
            }
            await client.send("GET / HTTP/1.1\r\n")
            // Far slower than a whole head takes, and much faster than any limit between two bytes.
            var drips = 0
            while drips < 600, await client.send("X: y\r\n") {
                drips += 1
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(drips < 600)
            #expect(try await client.rest().isEmpty)
        }
    }

    @Test func whoDripsABodyIsClosed() async throws {
        try await withServer({ $0.limits.readTimeout = .milliseconds(300) }) { server in
            let client = try server.client()
            await client.send("GET / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nx")
            #expect(try await client.answer().status == 408)
            #expect(try await client.rest().isEmpty)
        }
    }

    @Test func whoDoesNotReadIsCut() async throws {
        let size = 32 * 1024 * 1024
        let route = Route("/large") { _ in
            HTTPResponse(.ok, contentType: "text/plain", body: [UInt8](repeating: 0, count: size))
        }
        try await withServer({ $0.limits.writeTimeout = .milliseconds(300) }, routes: [route]) { server in
            let client = try server.client(receiveBuffer: 4096)
            await client.send("GET /large HTTP/1.1\r\nHost: test\r\n\r\n")
            try await eventually { server.requests("/large", 200) == 1 && server.server.connections.count == 0 }
            #expect(try await client.rest().count < size)
        }
    }

    @Test func scrapesBeyondTheLimitAreTurnedAway() async throws {
        try await withServer({ $0.limits.scrapes = 1 }, target: TestTarget(isOpen: false)) { server in
            let first = try server.client()
            await first.send("GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n")
            try await eventually { server.target.runs == 1 }
            let second = try server.client()
            let refused = try await second.get("/metrics")
            #expect(refused.status == 503)
            #expect(refused.text == "More than 1 scrapes at once; try again later.\n")
            #expect(try await second.get("/-/ready").status == 200)
            server.target.open()
            #expect(try await first.answer().status == 200)
            #expect(try await second.get("/metrics").status == 200)
        }
    }
}
