import Foundation
import Glibc
import Lab
import Synchronization
import Testing

/// What systemd is told, over a real socket of its kind.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct SystemdTests {
    /// A socket that stands for systemd's.
    private final class Manager: Sendable {
        private let descriptor: CInt
        private let heard = Mutex<[String]>([])

        /// - Parameter name: A path, or `@` and a name that is no file's.
        init(_ name: String) throws {
            descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            var bytes = Array(name.utf8)
            if name.hasPrefix("@") { bytes[0] = 0 }
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
            let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count + (bytes[0] == 0 ? 0 : 1))
            let status = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
            }
            guard status == 0 else { throw LabError("bind: \(String(cString: strerror(errno)))") }
        }

        deinit { close(descriptor) }

        /// All that has been said by now.
        var messages: [String] {
            heard.withLock { heard in
                var bytes = [UInt8](repeating: 0, count: 4096)
                while case let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT)), count > 0 {
                    heard.append(String(decoding: bytes.prefix(count), as: UTF8.self))
                }
                return heard
            }
        }

        func isTold(_ start: String, times count: Int = 1) async throws -> Bool {
            try await eventually { messages.count { $0.hasPrefix(start) } >= count }
        }
    }

    private let directory = TemporaryDirectory("notify")

    private func name(isAbstract: Bool) -> String {
        isAbstract ? "@stack-exporter-\(UUID().uuidString)" : directory.path("socket")
    }

    @Test(arguments: [true, false])
    func theWholeLife(isAbstract: Bool) async throws {
        let name = name(isAbstract: isAbstract)
        let manager = try Manager(name)
        let exporter = try await Exporter(["NOTIFY_SOCKET": name, "WATCHDOG_USEC": "400000"])
        #expect(try await manager.isTold("READY=1\nSTATUS=serving "))
        #expect(try await manager.isTold("WATCHDOG=1", times: 3))
        exporter.daemon.signal(SIGHUP)
        #expect(try await manager.isTold("READY=1", times: 2))
        let reload = try #require(manager.messages.first { $0.hasPrefix("RELOADING=1\n") })
        let moment = try #require(Int(reload.drop { !$0.isNumber }.dropFirst(2).drop { !$0.isNumber }))
        // The clock that counts from the machine's start.
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        #expect(moment <= now.tv_sec * 1_000_000 + now.tv_nsec / 1000 && moment > (now.tv_sec - 60) * 1_000_000)
        exporter.daemon.signal(SIGTERM)
        #expect(try await exporter.daemon.exitStatus() == 0)
        let told = manager.messages.filter { $0 != "WATCHDOG=1" }
        #expect(told.map { $0.prefix { $0 != "=" } } == ["READY", "RELOADING", "READY", "STOPPING"])
        #expect(told.allSatisfy { !$0.contains("\n\n") })
    }

    /// The variables of a watchdog may have come from another process's start.
    @Test func anotherProcessesWatchdog() async throws {
        let name = name(isAbstract: true)
        let manager = try Manager(name)
        let exporter = try await Exporter(["NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"])
        #expect(try await manager.isTold("READY=1"))
        // Two reloads take far longer than a thousandth of a second.
        for count in 2...3 {
            exporter.daemon.signal(SIGHUP)
            #expect(try await manager.isTold("READY=1", times: count))
        }
        #expect(!manager.messages.contains("WATCHDOG=1"))
    }

    @Test(arguments: ["", "/nowhere/notify.sock", "vsock:2:1234", "@", "@" + String(repeating: "x", count: 200)])
    func aSocketThatIsNoneChangesNothing(name: String) async throws {
        let exporter = try await Exporter(["NOTIFY_SOCKET": name, "WATCHDOG_USEC": "x"])
        #expect(try await exporter.get("/-/healthy").status == 200)
        exporter.daemon.signal(SIGTERM)
        #expect(try await exporter.daemon.exitStatus() == 0)
    }
}
