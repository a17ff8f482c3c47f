import Foundation
import NIOCore
import NIOPosix
import Synchronization

@testable import Containers

/// A tiny engine behind a socket that tells what a test says, whether that is right or not.
final class ScriptedEngine: Sendable {
    /// What comes of a question.
    enum Answer {
        case body(String, status: String = "200 OK")
        /// These bytes, and then the end of the connection.
        case bytes([UInt8])
        /// The same, one by one.
        case drip([UInt8])
        /// The same again and again until the other side has enough.
        case flood(head: String, [UInt8])
        case nothing
        case hangUp
    }

    struct Container: Sendable {
        var name: String
        var state = "running"
        var image = "app:1"
        var started = "2026-11-21T10:00:00Z"
        var exitCode = 0
        var restarts = 0
        var health: String?
        var parent = ""
    }

    private struct State {
        var containers: [String: Container] = [:]
        var listeners: [any Channel] = []
        var channels: [any Channel] = []
        var questions: [String] = []
        var asking = 0
        var mostAsking = 0
        var script: (@Sendable (String) -> Answer?)?
    }

    /// Where it listens.
    let path: String
    private let state = Mutex(State())
    private let server = Mutex<(any Channel)?>(nil)
    private let closing = Mutex<EventLoopFuture<Void>?>(nil)

    /// - Parameter script: To a question's path, without its query; `nil` is the right answer.
    init(at path: String, _ script: (@Sendable (String) -> Answer?)? = nil) async throws {
        self.path = path
        state.withLock { $0.script = script }
        try await start()
    }

    deinit { stop() }

    func start() async throws {
        // NIO removes the socket's file when it has closed it.
        try? await closing.withLock { $0 }?.get()
        unlink(path)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { [weak self] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(self))
                }
            }
            .bind(unixDomainSocketPath: path).get()
        server.withLock { $0 = channel }
    }

    /// Closes the socket and all connections.
    func stop() {
        guard let channel = server.withLock({ $0.take() }) else { return }
        closing.withLock { $0 = channel.closeFuture }
        channel.close(promise: nil)
        for channel in state.withLock({ $0.channels.take() }) { channel.close(promise: nil) }
        state.withLock { $0.listeners = [] }
        unlink(path)
    }

    /// Another script from now on.
    func script(_ script: (@Sendable (String) -> Answer?)?) {
        state.withLock { $0.script = script }
    }

    /// Has another container, or the same one in another way; `nil` removes it. Tells nobody.
    subscript(id: String) -> Container? {
        get { state.withLock { $0.containers[id] } }
        set { state.withLock { $0.containers[id] = newValue } }
    }

    /// Tells of an event.
    func emit(_ action: String, _ id: String) {
        send("{\"Type\":\"container\",\"Action\":\"\(action)\",\"Actor\":{\"ID\":\"\(id)\",\"Attributes\":{}}}\n")
    }

    /// Says something to those who listen to events.
    func send(_ text: String) {
        for channel in state.withLock({ $0.listeners }) {
            channel.writeAndFlush(
                ByteBuffer(string: "\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n"), promise: nil)
        }
    }

    /// Whether somebody listens to its events.
    var hasListener: Bool { state.withLock { $0.listeners.contains { $0.isActive } } }

    /// Lets those who listen hear no more.
    func endEvents() {
        for channel in state.withLock({ $0.listeners.take() }) { channel.close(promise: nil) }
    }

    /// What it was asked, without queries.
    var questions: [String] { state.withLock { $0.questions } }
    /// How many containers it was asked about at one time.
    var mostAsking: Int { state.withLock { $0.mostAsking } }

    private func answer(_ target: String, on channel: any Channel) -> Answer? {
        let path = String(target.prefix { $0 != "?" })
        let script = state.withLock { state in
            state.questions.append(path)
            state.channels.append(channel)
            return state.script
        }
        if let answer = script?(path) { return answer }
        switch path {
        case "/_ping": return .body("OK")
        case "/info": return .body("{\"CgroupDriver\":\"cgroupfs\"}")
        case "/events":
            channel.writeAndFlush(
                ByteBuffer(string: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), promise: nil)
            state.withLock { $0.listeners.append(channel) }
            return nil
        case "/containers/json":
            return .body("[\(state.withLock { $0.containers.map { listed($0, $1) } }.joined(separator: ","))]")
        default:
            let id = String(path.dropFirst("/containers/".count).dropLast("/json".count))
            guard let container = self[id] else { return .body("{\"message\":\"none\"}", status: "404 Not Found") }
            // Takes a moment, so that those who ask at the same time are seen.
            let asking = state.withLock { state in
                state.asking += 1
                state.mostAsking = max(state.mostAsking, state.asking)
                return inspected(id, container)
            }
            channel.eventLoop.scheduleTask(in: .milliseconds(2)) {
                self.state.withLock { $0.asking -= 1 }
                Handler.give(.body(asking), on: channel)
            }
            return nil
        }
    }

    private func listed(_ id: String, _ container: Container) -> String {
        """
        {"Id":"\(id)","Names":["/\(container.name)"],"Image":"\(container.image)","State":"\(container.state)",
        "Created":1795200000,"Labels":{}}
        """
    }

    private func inspected(_ id: String, _ container: Container) -> String {
        let health = container.health.map { ",\"Health\":{\"Status\":\"\($0)\"}" } ?? ""
        return """
            {"Id":"\(id)","Name":"/\(container.name)","Created":"2026-11-20T18:40:00Z","RestartCount":\(container.restarts),
            "State":{"Status":"\(container.state)","Pid":\(container.state == "running" ? 4711 : 0),
            "ExitCode":\(container.exitCode),"OOMKilled":false,
            "StartedAt":"\(container.started)"\(health)},"Config":{"Image":"\(container.image)","Env":["SECRET=x"]},
            "HostConfig":{"NetworkMode":"bridge","CgroupParent":"\(container.parent)"}}
            """
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private weak var engine: ScriptedEngine?
        private var text = ""

        init(_ engine: ScriptedEngine?) { self.engine = engine }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            text += String(buffer: unwrapInboundIn(data))
            guard text.contains("\r\n\r\n"), let target = text.split(separator: " ").dropFirst().first else { return }
            text = ""
            guard let answer = engine?.answer(String(target), on: context.channel) else { return }
            Self.give(answer, on: context.channel)
        }

        static func give(_ answer: Answer, on channel: any Channel) {
            switch answer {
            case .body(let body, let status):
                let text = "HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
                channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
            case .bytes(let bytes):
                channel.writeAndFlush(ByteBuffer(bytes: bytes)).whenComplete { _ in channel.close(promise: nil) }
            case .drip(let bytes):
                guard let first = bytes.first else { return channel.close(promise: nil) }
                channel.writeAndFlush(ByteBuffer(bytes: [first])).whenSuccess {
                    channel.eventLoop.execute { give(.drip(Array(bytes.dropFirst())), on: channel) }
                }
            case .flood(let head, let bytes):
                channel.writeAndFlush(ByteBuffer(string: head)).whenSuccess {
                    channel.writeAndFlush(ByteBuffer(bytes: bytes)).whenSuccess {
                        channel.eventLoop.execute { give(.flood(head: "", bytes), on: channel) }
                    }
                }
            case .nothing: break
            case .hangUp: channel.close(promise: nil)
            }
        }
    }
}

extension Array {
    fileprivate mutating func take() -> [Element] {
        defer { self = [] }
        return self
    }
}

/// Waits until something holds, for at most a minute.
func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
    let end = ContinuousClock.now.advanced(by: .seconds(60))
    while ContinuousClock.now < end {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(5))
    }
    return false
}

/// A value that a test changes while others read it.
final class Mutexed<Value: Sendable>: Sendable {
    private let stored: Mutex<Value>

    init(_ value: Value) { stored = Mutex(value) }

    var value: Value {
        get { stored.withLock { $0 } }
        set { stored.withLock { $0 = newValue } }
    }
}
