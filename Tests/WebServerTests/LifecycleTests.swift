import Configuration
import Glibc
import Lab
import NIOHTTP1
import Testing

@testable import WebServer

@Suite struct LifecycleTests {
    private let directory = TemporaryDirectory("web-server")

    @Test func answersUnderWayAreFinished() async throws {
        try await withServer({ $0.limits.readTimeout = .seconds(60) }, target: TestTarget(isOpen: false)) { server in
            let idle = try server.client()
            #expect(try await idle.get("/-/healthy").status == 200)
            let busy = try server.client()
            await busy.send("GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n")
            try await eventually { server.target.runs == 1 }
            // A request of which the head has been read when the shutdown begins.
            let late = try server.client()
            await late.send(
                "GET /-/ready HTTP/1.1\r\nHost: test\r\n\r\nGET /-/ready HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\n\r\n"
            )
            #expect(try await late.answer().text == "Ready.\n")

            async let end: Void = server.server.shutdown(grace: .seconds(60))
            #expect(try await idle.rest().isEmpty)
            let refused = #expect(throws: RawClient.Failure.self) { _ = try server.client() }
            #expect(refused?.code == ECONNREFUSED)
            await late.send("x")
            let draining = try await late.answer()
            #expect(draining.status == 503)
            #expect(draining.text == "Shutting down.\n")
            #expect(draining.field("Connection") == "close")

            server.target.open()
            let answer = try await busy.answer()
            #expect(answer.status == 200)
            #expect(answer.field("Connection") == "close")
            #expect(answer.text.contains("test_number 42"))
            #expect(try await busy.rest().isEmpty)
            await end
        }
    }

    /// As systemd hands them over: bound, and listened to.
    @Test func aSocketThatIsHandedOverIsListenedTo() async throws {
        let path = directory.path("inherited.sock")
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var name = unixAddress(path)
        try #require(withSocketAddress(&name) { bind(descriptor, $0, $1) } == 0)
        try #require(listen(descriptor, 8) == 0)
        try await withServer({ $0.addresses = [.inherited(descriptor: descriptor)] }) { server in
            #expect(server.address == .inherited(descriptor: descriptor))
            let client = try RawClient(.unix(path: path))
            #expect(try await client.get("/-/healthy").status == 200)
        }
        // The path is systemd's, which goes on to listen.
        #expect(access(path, F_OK) == 0)
    }

    @Test func whatIsHandedOverAndNoSocketIsAnError() async throws {
        var settings = WebSettings()
        settings.addresses = [.inherited(descriptor: 1000)]
        let server = makeServer(settings)
        await #expect(throws: WebServer.ListenError.self) { try await server.start() }
        await server.shutdown(grace: .zero)
    }

    @Test func aLargeAnswerIsWrittenToItsEnd() async throws {
        let size = 32 * 1024 * 1024
        let route = Route("/large") { _ in
            HTTPResponse(.ok, contentType: "text/plain", body: [UInt8](repeating: 0, count: size))
        }
        try await withServer(routes: [route]) { server in
            let client = try server.client(receiveBuffer: 65536)
            await client.send("GET /large HTTP/1.1\r\nHost: test\r\n\r\n")
            try await eventually { server.requests("/large", 200) == 1 }
            async let end: Void = server.server.shutdown(grace: .seconds(60))
            #expect(try await client.answer().body.count == size)
            await end
        }
    }

    @Test func whatIsNotFinishedInTimeIsCut() async throws {
        try await withServer(target: TestTarget(isOpen: false)) { server in
            let client = try server.client()
            await client.send("GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n")
            try await eventually { server.target.runs == 1 }
            await server.server.shutdown(grace: .milliseconds(100))
            #expect(try await client.rest().isEmpty)
            // Doing it again does nothing.
            await server.server.shutdown(grace: .seconds(60))
            server.target.open()
        }
    }

    @Test func aPortInUse() async throws {
        try await withServer { server in
            var settings = WebSettings()
            settings.addresses = [.tcp(host: "127.0.0.1", port: 0), server.address]
            let other = makeServer(settings)
            let error = await #expect(throws: WebServer.ListenError.self) { try await other.start() }
            #expect(
                error?.description
                    == "cannot listen on \(server.address): Address already in use; choose another with --web.listen-address"
            )
            await other.shutdown(grace: .zero)
        }
    }

    @Test func aHostThatIsNotKnown() async throws {
        var settings = WebSettings()
        settings.addresses = [.tcp(host: "no-such-host.invalid", port: 0)]
        let error = await #expect(throws: WebServer.ListenError.self) { try await makeServer(settings).start() }
        #expect(
            error?.description.hasPrefix("cannot listen on no-such-host.invalid:0: the host is not known; ") == true)
    }

    @Test func severalAddresses() async throws {
        var settings = WebSettings()
        settings.addresses = [.tcp(host: "", port: 0), .tcp(host: "127.0.0.1", port: 0)]
        let server = makeServer(settings)
        let addresses = try await server.start()
        #expect(addresses.count == 2)
        for address in addresses {
            #expect(address.description != ":0")
            #expect(try await RawClient(address).get("/-/healthy").status == 200)
        }
        await server.shutdown(grace: .zero)
    }

    @Test func unixSocket() async throws {
        let path = directory.path("web.sock")
        // What a server leaves that was killed.
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var name = unixAddress(path)
        #expect(withSocketAddress(&name) { bind(descriptor, $0, $1) } == 0)
        close(descriptor)

        var settings = WebSettings()
        settings.addresses = [.unix(path: path)]
        let server = makeServer(settings)
        #expect(try await server.start() == [.unix(path: path)])
        #expect(try await RawClient(.unix(path: path)).get("/metrics").status == 200)

        // One that lives is left alone.
        let error = await #expect(throws: WebServer.ListenError.self) { try await makeServer(settings).start() }
        #expect(error?.description.hasPrefix("cannot listen on unix:\(path): Address already in use; ") == true)
        #expect(try await RawClient(.unix(path: path)).get("/-/healthy").status == 200)

        await server.shutdown(grace: .zero)
        #expect(access(path, F_OK) == -1)
    }

    @Test func aFileInTheSocketsPlaceIsLeftAlone() async throws {
        let path = try directory.write("web.txt", "")
        var settings = WebSettings()
        settings.addresses = [.unix(path: path)]
        let error = await #expect(throws: WebServer.ListenError.self) { try await makeServer(settings).start() }
        #expect(
            error?.description
                == "cannot listen on unix:\(path): a file is in its place that is no socket; choose another with --web.listen-address"
        )
        #expect(access(path, F_OK) == 0)
    }
}
