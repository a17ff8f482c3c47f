import Exposition
import Foundation
import Glibc
import Lab
import NIOCore
import NIOPosix
import Scraping
import Testing

@testable import Containers

/// Engines that lie, break off, take their time or are none.
@Suite("Asking an engine", .startsServers, .timeLimit(.minutes(15)))
struct RuntimeClientTests {
    private let tree = TemporaryDirectory("tree", in: .memory)
    /// Another one for each engine.
    private var newPath: String { "\(tree.path)/\(UUID().uuidString).sock" }

    /// How many objects the answer has; `nil` for a 404.
    private func ask(
        _ limits: RuntimeClient.Limits = .init(bytes: 1 << 20, objectBytes: 1 << 16, duration: .seconds(30)),
        at path: String
    ) async throws(CollectorError) -> Int? {
        let client = RuntimeClient(path: path, group: MultiThreadedEventLoopGroup.singleton)
        return try await client.get("/x?y=z", within: limits, into: 0) { count, _ in count += 1 }
    }

    private func reason(
        _ answer: ScriptedEngine.Answer, _ limits: RuntimeClient.Limits? = nil
    ) async throws -> FailureReason? {
        let engine = try await ScriptedEngine(at: newPath) { _ in answer }
        defer { engine.stop() }
        do throws(CollectorError) {
            _ = try await ask(
                limits ?? .init(bytes: 1 << 20, objectBytes: 1 << 16, duration: .seconds(30)), at: engine.path)
            return nil
        } catch {
            return error.reason
        }
    }

    @Test("recorded answers, at once and byte by byte", arguments: ["docker", "podman"])
    func recorded(name: String) async throws {
        let recording = try RuntimeRecording("\(name)-containers")
        let count = try recording.objects.count
        for answer in [ScriptedEngine.Answer.bytes(recording.bytes), .drip(recording.bytes)] {
            let engine = try await ScriptedEngine(at: newPath) { _ in answer }
            #expect(try await ask(at: engine.path) == count)
            #expect(engine.questions == ["/x"])
            engine.stop()
        }
        let missing = try RuntimeRecording("docker-inspect-missing")
        let engine = try await ScriptedEngine(at: newPath) { _ in .bytes(missing.bytes) }
        #expect(try await ask(at: engine.path) == nil)
        engine.stop()
    }

    @Test("an answer that is cut off anywhere is none")
    func cut() async throws {
        let bytes = try RuntimeRecording("docker-inspect-web").bytes
        let length = Mutexed(0)
        let engine = try await ScriptedEngine(at: newPath) { _ in .bytes(Array(bytes.prefix(length.value))) }
        // Behind the last chunk there are only the end's own bytes.
        for cut in Array(stride(from: 0, to: bytes.count - 8, by: 37)) + Array(bytes.count - 12..<bytes.count - 4) {
            length.value = cut
            await #expect(throws: CollectorError.self) { try await ask(at: engine.path) }
        }
        length.value = bytes.count
        #expect(try await ask(at: engine.path) == 1)
        engine.stop()
    }

    @Test(
        "what is no answer",
        arguments: [
            (.hangUp, .connection), (.bytes([]), .connection), (.bytes(Array("garbage\r\n\r\n".utf8)), .internal),
            (.bytes([UInt8](repeating: 0, count: 5000)), .internal), (.body("no JSON"), .internal),
            (.body("[{}"), .internal), (.body("{}", status: "500 Internal Server Error"), .internal),
            (.body("{}", status: "403 Forbidden"), .permission), (.body("", status: "301 Moved"), .internal),
            (.bytes(Array("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n[]".utf8)), .internal),
            (.bytes(Array("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n[]".utf8)), .internal),
            (.bytes(Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n[]".utf8)), .internal),
            (.bytes(Array("HTTP/1.1 200 OK\r\nX: ".utf8) + [UInt8](repeating: 65, count: 200_000)), .internal),
        ] as [(ScriptedEngine.Answer, FailureReason)])
    func wrong(answer: ScriptedEngine.Answer, expected: FailureReason) async throws {
        #expect(try await reason(answer) == expected)
    }

    @Test("more than it should be is not taken")
    func tooMuch() async throws {
        let head = "HTTP/1.1 200 OK\r\n\r\n["
        let element = Array(("{\"a\":\"" + String(repeating: "x", count: 10_000) + "\"},").utf8)
        #expect(try await reason(.flood(head: head, element)) == .internal)
        let one = [UInt8](repeating: UInt8(ascii: "x"), count: 10_000)
        #expect(try await reason(.flood(head: head + "{\"a\":\"", one)) == .internal)
        // An object's limit holds for answers that never end, too.
        let endless = RuntimeClient.Limits(bytes: nil, objectBytes: 1 << 16, duration: .seconds(30))
        #expect(try await reason(.flood(head: head + "{\"a\":\"", one), endless) == .internal)
        #expect(
            try await reason(
                .flood(head: "HTTP/1.1 100 Continue\r\n\r\n", Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)),
                .init(bytes: 10, objectBytes: 10, duration: .milliseconds(200))) == .timeout)
    }

    @Test("who says nothing is not waited for, nor one who goes on for ever")
    func silence() async throws {
        let brief = RuntimeClient.Limits(bytes: 1 << 20, objectBytes: 1 << 20, duration: .milliseconds(100))
        #expect(try await reason(.nothing, brief) == .timeout)
        let slow = Array("HTTP/1.1 200 OK\r\n\r\n[".utf8)
        #expect(try await reason(.flood(head: String(decoding: slow, as: UTF8.self), [32]), brief) != nil)
        // Listening may last.
        let listening = RuntimeClient.Limits(bytes: nil, objectBytes: 100, duration: .seconds(3))
        let engine = try await ScriptedEngine(at: newPath)
        let client = RuntimeClient(path: engine.path, group: MultiThreadedEventLoopGroup.singleton)
        let task = Task { try await client.get("/events", within: listening, into: 0) { count, _ in count += 1 } }
        #expect(try await eventually { engine.hasListener })
        try await Task.sleep(for: .seconds(4))
        #expect(engine.hasListener)
        // ... and ends when its task does.
        task.cancel()
        #expect(try await eventually { !engine.hasListener })
        engine.stop()
    }

    @Test("sockets that are none, and how that is mended")
    func sockets() async throws {
        func detail(_ path: String) async -> String {
            do {
                _ = try await ask(at: path)
                return ""
            } catch {
                return error.detail
            }
        }
        #expect(await detail("\(tree.path)/none").contains("mount the socket"))
        try tree.write("file", "text")
        #expect(await detail("\(tree.path)/file").contains("is no socket"))
        #expect(await detail("\(tree.path)/file/below").contains("no engine's socket"))
        #expect(await detail(tree.path).contains("is no socket"))
        #expect(await detail("/" + String(repeating: "x", count: 300)) != "")

        let engine = try await ScriptedEngine(at: newPath)
        let path = engine.path
        chown(path, 0, 4321)
        chmod(path, 0o660)
        let refused = CollectorError(connectingTo: path, IOError(errnoCode: EACCES, reason: "connect"))
        #expect(refused.reason == .permission)
        #expect(geteuid() != 0 || refused.detail.contains("group_add: [\"4321\"]"))
        chmod(path, 0o600)
        let closed = CollectorError(connectingTo: path, IOError(errnoCode: EACCES, reason: "connect"))
        #expect(closed.detail.contains("let a group write to it"))
        engine.stop()
    }
}
