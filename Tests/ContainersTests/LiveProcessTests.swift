import Exposition
import Foundation
import Glibc
import Lab
import Scraping
import Testing

@testable import Containers

/// Real processes in cgroups and network namespaces of their own, read by somebody without rights.
@Suite(
    "Real disks, networks and open files", .serialized, .timeLimit(.minutes(5)),
    .enabled(if: geteuid() == 0, "takes root to make cgroups and network namespaces"))
struct LiveProcessTests {
    @Test("what was written to a disk is counted to the byte")
    func disk() async throws {
        let cgroup = try LiveCgroup()
        let directory = TemporaryDirectory("written", in: .disk)
        defer { withExtendedLifetime(directory) {} }
        let file = directory.path("file")
        try await succeed(["dd", "if=/dev/zero", "of=\(file)", "bs=64k", "count=16", "conv=fsync"])
        let reader = try liveReader()
        func written() throws -> Double {
            try asNobody { try reader.families([DiskIO()]) }.first {
                $0.descriptor.name == "container_fs_writes_bytes_total"
            }?.samples.compactMap { sample in
                guard case .number(let value) = sample.value, sample.labels["id"] == cgroup.id,
                    sample.labels["device"]?.hasPrefix("/dev/") == true
                else { return nil }
                return value
            }.max() ?? 0
        }
        #expect(try written() == 0)
        try await succeed([
            "sh", "-c",
            cgroup.join + "exec dd if=/dev/zero of=\(file) bs=64k count=16 oflag=direct conv=notrunc",
        ])
        #expect(try written() == 16 * 65_536)
    }

    @Test("what went through a network namespace is counted to the byte, at the one it belongs to")
    func network() async throws {
        let cgroup = try LiveCgroup()
        let sharing = try LiveCgroup()
        let onHost = try LiveCgroup()
        let owner = try start(cgroup, ["unshare", "-n"])
        let network = "\(owner.pid)"
        let inside = ["nsenter", "-t", network, "-n"]
        try await running(owner)
        let other = try start(sharing, inside)
        let third = try start(onHost, [])
        defer { for process in [other, third, owner] { process.stop() } }
        try await running(other)
        try await running(third)

        let link = "x\(cgroup.name.prefix(8))"
        try await succeed(["ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", network])
        try await succeed(["ip", "link", "set", link, "addrgenmode", "none", "up"])
        try await succeed(inside + ["ip", "link", "set", "eth0", "addrgenmode", "none", "up"])
        try await succeed(inside + ["ip", "addr", "add", "198.18.201.2/30", "dev", "eth0"])
        // So that nobody asks who has the address.
        try await succeed(
            inside + [
                "ip", "neigh", "add", "198.18.201.1", "lladdr", "02:00:00:00:00:01", "dev", "eth0", "nud", "permanent",
            ])

        let reader = try liveReader()
        func sent(_ kind: String) throws -> [String: Double] {
            try asNobody { try reader.families([Network()]) }.values("container_network_transmit_\(kind)_total")
        }
        let before = try (bytes: sent("bytes"), packets: sent("packets"))
        #expect(before.bytes[cgroup.id] != nil)
        try await succeed(
            inside + [
                "bash", "-c",
                "for i in 1 2 3 4 5 6 7 8 9 10; do head -c 1000 /dev/zero >/dev/udp/198.18.201.1/9; done",
            ])
        let after = try (bytes: sent("bytes"), packets: sent("packets"))
        // Ethernet, IP and UDP take 14, 20 and 8.
        #expect((after.bytes[cgroup.id] ?? 0) - (before.bytes[cgroup.id] ?? 0) == 10 * 1042)
        #expect((after.packets[cgroup.id] ?? 0) - (before.packets[cgroup.id] ?? 0) == 10)
        for id in [sharing.id, onHost.id] { #expect(after.bytes[id] == nil) }
        #expect(after.bytes["/"] != nil)

        // The descriptor that the reader keeps of the process keeps neither it nor its network.
        owner.stop()
        #expect(try await eventually { try sent("bytes")[sharing.id] != nil })
        #expect(try sent("bytes")[cgroup.id] == nil)
        other.stop()
        #expect(try await eventually { try await run(["ip", "link", "show", link]).status != 0 })
        #expect(try sent("bytes")[sharing.id] == nil)
    }

    @Test("the numbers of another's processes are never a container's", arguments: [0, 100])
    func ended(descriptors: Int) async throws {
        let cgroup = try LiveCgroup()
        let reader = try liveReader(descriptors)
        let first = try start(cgroup, ["unshare", "-n"])
        try await running(first)
        let found = try asNobody { try process(of: cgroup, reader) }
        #expect(found.map { Int($0.id) } == Int(first.pid))
        first.stop()
        #expect(try asNobody { try process(of: cgroup, reader) } == nil)
        let second = try start(cgroup, ["unshare", "-n"])
        defer { second.stop() }
        try await running(second)
        #expect(try asNobody { try process(of: cgroup, reader) }.map { Int($0.id) } == Int(second.pid))
    }

    /// The process whose network is read, after a scrape.
    private func process(of cgroup: LiveCgroup, _ reader: CgroupReader) throws -> ContainerProcess? {
        _ = try reader.families([Network()])
        return try #require(reader.tree.exported.first { $0.labels["id"] == cgroup.id }).process
    }

    @Test("a file of many pages is read whole, and what is too long up to a whole line")
    func pages() throws {
        let text = try File.contents(of: "/proc/kallsyms", limit: 16 << 20)
        try #require(text.count > 2 << 20)
        var length = 0
        var isSame = false
        let files = try #require(try liveReader().processes)
        let isRead = try files.read("kallsyms") { span in
            length = span.count
            isSame = span.holds(Array(text.prefix(length)), at: 0..<length)
        }
        #expect(isRead && isSame)
        #expect(length > 1 << 20 - 1024 && text[length - 1] == UInt8(ascii: "\n"))
    }

    @Test("open files, which the kernel counts for everybody, and their limit")
    func openFiles() async throws {
        let cgroup = try LiveCgroup()
        let process = try start(cgroup, [], prepare: "exec 5</dev/null 6</dev/null; ulimit -n 321; ")
        defer { process.stop() }
        try await running(process)
        let links = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process.pid)/fd")
        let sockets = try links.count {
            try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process.pid)/fd/\($0)")
                .hasPrefix("socket:")
        }
        #expect(links.count >= 5)
        let reader = try liveReader()
        let families = try reader.families([OpenFiles()])
        #expect(families.values("container_file_descriptors")[cgroup.id] == Double(links.count))
        #expect(families.values("container_sockets")[cgroup.id] == Double(sockets))
        #expect(families.values("container_ulimits_soft")[cgroup.id] == 321)
        // As the kernel answers those without rights: the number where it is Linux 6.2 or later, and the limit.
        let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        let directory = "/proc/\(process.pid)"
        #expect(try await run(nobody + ["ls", "\(directory)/fd"]).status != 0)
        #expect(try await run(nobody + ["grep", "-c", "^Max open files *321 ", "\(directory)/limits"]).output == "1\n")
        let count = try await run(nobody + ["stat", "-c", "%s", "\(directory)/fd"]).output
        #expect(["0\n", "\(links.count)\n"].contains(count))
    }

    /// Starts a process that does nothing in a cgroup.
    private func start(_ cgroup: LiveCgroup, _ within: [String], prepare: String = "") throws -> Daemon {
        try Daemon(
            within + ["sh", "-c", cgroup.join + prepare + "exec sleep 1000"], stop: "KILL",
            log: "/dev/null")
    }

    /// Waits until it has come to doing nothing.
    private func running(_ process: Daemon) async throws {
        let isThere = try await eventually {
            (try? String(contentsOfFile: "/proc/\(process.pid)/comm", encoding: .utf8)) == "sleep\n"
        }
        #expect(isThere)
    }

    private func succeed(_ command: [String]) async throws {
        let result = try await run(command)
        #expect(result.status == 0, "\(command): \(result.errors)")
    }

    private func liveReader(_ descriptors: Int = 1000) throws -> CgroupReader {
        let mounts = try #require(try CgroupMounts.find(cgroupfs: nil, procfs: "/proc"))
        return try CgroupReader(mounts: mounts, procfs: "/proc", descriptors: descriptors)
    }

    /// Lets this thread alone open files as somebody without rights.
    private func asNobody<Result>(_ body: () throws -> Result) throws -> Result {
        typealias SetFileSystemUser = @convention(c) (uid_t) -> CInt
        let setUser = unsafeBitCast(try #require(dlsym(nil, "setfsuid")), to: SetFileSystemUser.self)
        _ = setUser(65_534)
        defer { _ = setUser(0) }
        return try body()
    }
}

/// A cgroup that looks like a Docker container's, made in the hierarchies that are read here.
private final class LiveCgroup {
    let name: String
    private let directories: [String]

    var id: String { "/\(name)" }

    init() throws {
        name = (0..<8).map { _ in String(format: "%08x", UInt32.random(in: .min ... .max)) }.joined()
        let mounts = try #require(try CgroupMounts.find(cgroupfs: nil, procfs: "/proc"))
        let hierarchies = [mounts.primary, .v1("blkio")].compactMap { $0.flatMap { mounts.directories[$0] } }
        directories = Set(hierarchies).map { [name] in "\($0)/\(name)" }.sorted()
        for directory in directories { #expect(mkdir(directory, 0o755) == 0) }
    }

    deinit {
        for directory in directories {
            // A process that has just ended may still be on its way out.
            for _ in 1...50 where rmdir(directory) != 0 && errno == EBUSY { usleep(20_000) }
        }
    }

    /// Shell words that move the shell into the cgroup.
    var join: String {
        directories.map { "echo $$ > \($0)/cgroup.procs; " }.joined()
    }
}
