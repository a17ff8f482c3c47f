import Configuration
import NIOHTTP1
import Synchronization
import Testing

@testable import WebServer

@Suite struct ConnectionsTests {
    @Test func whoHasWaitedLongestMakesRoom() async throws {
        try await withServer({ $0.limits.connections = 3 }) { server in
            let first = try server.client()
            let dripping = try server.client()
            // A connection is there for a client before it is for the server, which is to know this one before others ask.
            try await eventually { server.server.connections.count == 2 }
            let second = try server.client()
            #expect(try await first.get("/-/healthy").status == 200)
            #expect(try await second.get("/-/healthy").status == 200)
            await dripping.send("GET /-/healthy HTTP/1.1\r\nHost: test\r\n")

            // What counts is the time without a request, however much of one has come.
            let third = try server.client()
            #expect(try await third.get("/-/healthy").status == 200)
            #expect(try await dripping.rest().isEmpty)
            #expect(try await first.get("/-/healthy").status == 200)

            let fourth = try server.client()
            #expect(try await fourth.get("/-/healthy").status == 200)
            #expect(try await second.rest().isEmpty)
            for client in [first, third, fourth] { #expect(try await client.get("/-/healthy").status == 200) }
            #expect(server.server.connections.count == 3)
        }
    }

    @Test func whoIsAnsweredStays() async throws {
        let state = Mutex((asked: 0, isOpen: false))
        let route = Route("/slow") { _ in
            state.withLock { $0.asked += 1 }
            while !state.withLock({ $0.isOpen }) { try? await Task.sleep(for: .milliseconds(5)) }
            return HTTPResponse(.ok, "slow")
        }
        try await withServer({ $0.limits.connections = 2 }, routes: [route]) { server in
            let clients = [try server.client(), try server.client()]
            for client in clients { await client.send("GET /slow HTTP/1.1\r\nHost: test\r\n\r\n") }
            try await eventually { state.withLock { $0.asked } == 2 }
            // Where nobody waits, there is no room.
            #expect(try await server.client().rest().isEmpty)
            state.withLock { $0.isOpen = true }
            for client in clients { #expect(try await client.answer().text == "slow\n") }
            #expect(try await server.client().get("/-/healthy").status == 200)
        }
    }

    @Test func whoReadsSlowestIsCutWhereTooManyDoNotRead() async throws {
        let route = Route("/large") { _ in
            HTTPResponse(.ok, contentType: "text/plain", body: [UInt8](repeating: 0, count: 32 * 1024 * 1024))
        }
        try await withServer({ $0.limits.scrapes = 1 }, routes: [route]) { server in
            var clients: [RawClient] = []
            for count in 1...5 {
                let client = try server.client(receiveBuffer: 4096)
                await client.send("GET /large HTTP/1.1\r\nHost: test\r\n\r\n")
                try await eventually {
                    server.requests("/large", 200) == Double(count) && server.server.connections.count == min(count, 2)
                }
                clients.append(client)
            }
            #expect(try await server.client().get("/metrics").status == 200)
            for client in clients { await client.disconnect() }
        }
    }
}
