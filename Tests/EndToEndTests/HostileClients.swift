import Foundation
import Lab

/// Clients as no scraper is one, for as long as they are held.
final class HostileClients {
    /// What they do instead of asking and reading.
    enum Kind: String {
        /// They connect and say nothing.
        case idle
        /// They send a request byte by byte.
        case slow
        /// They ask for the page and never read it.
        case deaf
    }

    /// Connects all of them, then keeps them at it; who is turned away comes again.
    private static let script = """
        import resource, socket, sys, time
        kind, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        page = b"GET /metrics HTTP/1.1\\r\\nHost: a\\r\\n"
        slow = page + b"X-Slow: yes\\r\\n" * 1000
        clients = {}

        def connect():
            client = socket.socket()
            if kind == "deaf":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(30)
            client.connect(("127.0.0.1", port))
            client.setblocking(False)
            clients[client] = 0

        def turn(client):
            sent = clients[client]
            clients[client] += 1
            if kind == "slow":
                client.send(slow[sent:sent + 1])
            elif kind == "deaf" and sent % 40 == 0:
                client.send(page + b"\\r\\n")
            elif kind == "idle" and client.recv(1) == b"":
                raise ConnectionResetError

        def turns():
            for client in list(clients):
                try:
                    turn(client)
                except BlockingIOError:
                    pass
                except OSError:
                    client.close()
                    del clients[client]
                    connect()

        for _ in range(count):
            connect()
        turns()
        print("ready", flush=True)
        end = time.monotonic() + 300
        while time.monotonic() < end:
            time.sleep(0.25)
            turns()
        """

    private let daemon: Daemon
    private let directory = TemporaryDirectory("clients")

    /// Returns when all have connected.
    init(_ kind: Kind, count: Int, port: Int) async throws {
        daemon = try Daemon(
            ["/usr/bin/python3", "-c", Self.script, kind.rawValue, "\(port)", "\(count)"], stop: "KILL",
            log: directory.path("log"))
        let isReady = try await eventually(within: 240) { directory.text("log").contains("ready") }
        guard isReady else { throw LabError(directory.text("log")) }
    }

    deinit {
        daemon.stop()
    }
}

/// What a server answers to bytes that are no request of curl's.
struct RawAnswer {
    /// The statuses of all answers, in their order.
    let statuses: [Int]
    /// All that came.
    let text: String

    private static let script = """
        import socket, sys
        server = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 60)
        try:
            server.sendall(sys.stdin.buffer.read().decode().encode("latin-1"))
            if sys.argv[2] == "half":
                server.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            while part := server.recv(65536):
                sys.stdout.buffer.write(part)
        except ConnectionResetError:
            pass
        """

    /// Sends `bytes` and reads until the server closes.
    ///
    /// - Parameters:
    ///   - bytes: Each character is the byte of its number.
    ///   - closesItsHalf: Whether the client says at once that nothing more will come.
    init(to bytes: String, port: Int, closesItsHalf: Bool = false) async throws {
        let result = try await run(
            ["/usr/bin/python3", "-c", Self.script, "\(port)", closesItsHalf ? "half" : "open"], input: bytes)
        guard result.status == 0 else { throw LabError(result.errors) }
        text = result.output
        statuses = text.matches(of: #/HTTP/1\.[01] (\d{3}) /#).compactMap { Int($0.1) }
    }
}
