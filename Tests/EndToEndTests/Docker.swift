import Foundation
import Lab
import Testing

/// Gives all tests of a suite the same engine.
struct SharedDocker: SuiteTrait, TestScoping {
    /// As ``DockerEngine/init(parent:)`` takes it.
    let parent: String?

    @TaskLocal fileprivate static var engine: DockerEngine?

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let engine = try await DockerEngine(parent: parent)
        try await Self.$engine.withValue(engine) { try await function() }
        try await engine.stop()
    }
}

extension DockerEngine {
    /// What the tests of a suite share.
    static var shared: DockerEngine {
        get throws { try #require(SharedDocker.engine) }
    }
}

extension Trait where Self == SharedDocker {
    static func sharedDocker(parent: String? = nil) -> SharedDocker { SharedDocker(parent: parent) }
}

extension Trait where Self == ConditionTrait {
    /// Nobody but root runs an engine, and it is the files of cgroup v1 that values are compared with.
    static var enabledOnV1: ConditionTrait {
        .enabled("needs root and cgroup v1") { getuid() == 0 && KernelFiles.mount(of: "memory") != nil }
    }
}

/// What a container does so that its values are no zeros.
enum Load: String, CaseIterable {
    /// More than its CPU quota lets it.
    case cpu
    /// Loses a process to the OOM killer and goes on.
    case memory
    /// Reads and writes past the page cache.
    case disk
    /// Sends a packet that nobody answers.
    case network
    /// Nothing, without any limit, where it sees the host's network.
    case none

    /// The kernel counts the io of v1 on disks for which a limit was set once, to whomever it is.
    private func options(_ directory: URL) throws -> [String] {
        switch self {
        case .cpu:
            [
                "--cpus", "0.25", "--cpu-shares", "512", "--memory", "64m", "--memory-swap", "96m",
                "--memory-reservation", "32m", "--pids-limit", "50",
            ]
        case .memory: ["--memory", "16m", "--memory-swap", "32m"]
        case .disk: ["--device-write-bps", "\(try Disk(of: directory).path):1gb"]
        case .network: Cable.options
        case .none: ["--network", "host"]
        }
    }

    private var script: String {
        switch self {
        case .cpu:
            """
            dd if=/dev/zero of=/tmp/file bs=64k count=64
            sleep 3600 &
            until grep -q "throttled_time [1-9]" /sys/fs/cgroup/cpu/cpu.stat; do :; done
            exec sleep 3600
            """
        case .memory: "tail -c 64000000 /dev/zero; exec sleep 3600"
        case .disk:
            """
            dd if=/dev/zero of=/tmp/file bs=64k count=16 oflag=direct
            dd if=/tmp/file of=/dev/null bs=4k count=10 iflag=direct
            exec sleep 3600
            """
        case .network, .none: "exec sleep 3600"
        }
    }

    /// Whether it has come so far that its values tell.
    private func isThere(_ files: KernelFiles) -> Bool {
        switch self {
        // What waits for its quota cannot be frozen.
        case .cpu: files.commands == ["sleep", "sleep"]
        case .memory: files.number("memory", "memory.oom_control", "oom_kill") ?? 0 > 0
        // The last process is the one that stays.
        case .disk, .network, .none: files.commands == ["sleep"]
        }
    }

    /// Starts a container with it and freezes it once it has come so far: nothing of it moves any more, so that what is
    /// read of it one after the other has to be equal.
    func frozen(in engine: DockerEngine, named name: String) async throws -> KernelFiles {
        let id = try await engine.run(name, options: try options(engine.directory.url), command: ["sh", "-c", script])
        let files = KernelFiles(cgroup: engine.cgroup(of: id))
        let hasCome = try await eventually(within: 60) { isThere(files) }
        guard hasCome else { throw LabError("\(name): \(try await engine.cli("logs", name))") }
        if self == .network { try await Cable(in: name, of: engine).send(bytes: 1000) }
        try await engine.cli("pause", name)
        return files
    }
}

/// The exporter as people are told to run it: in a container, as a user who may do nothing, on a disk that it cannot write
/// to, with the machine's processes, network and cgroups to look at.
struct ContainedExporter {
    private let port = freePort()
    private let engine: DockerEngine
    private let name: String

    /// - Parameter options: Further ones of `docker run`.
    init(_ name: String, in engine: DockerEngine, options: [String] = []) async throws {
        self.engine = engine
        self.name = name
        let port = port
        try await engine.run(
            name, options: try Self.options + options,
            command: [Exporter.binary, "--web.listen-address=127.0.0.1:\(port)"])
        let isReady = try await eventually { try await Self.get("/-/ready", port).status == 0 }
        guard isReady else { throw LabError("the exporter does not start: \(try await engine.cli("logs", name))") }
    }

    func page() async throws -> Page {
        let result = try await Self.get("/metrics", port)
        guard result.status == 0 else { throw LabError(result.errors) }
        return try Page(result.output)
    }

    /// What its `check` prints, whether there is something to mend or not.
    func check() async throws -> String {
        try await engine.cli("exec", name, "sh", "-c", "\"$0\" check || [ $? -eq 1 ]", Exporter.binary)
    }

    private static func get(_ path: String, _ port: Int) async throws -> CommandResult {
        try await Lab.run(
            ["curl", "-sS", "--fail", "--max-time", "60", "http://127.0.0.1:\(port)\(path)"], environment: .only([:]))
    }

    private static var options: [String] {
        get throws {
            // What was built for debugging needs libraries.
            let directories = ["/etc/ssl", "/lib", "/lib64", "/opt", "/usr"].filter(FileManager.default.fileExists)
            let binary = URL(filePath: Exporter.binary).resolvingSymlinksInPath().path
            return [
                "--user", "65534:65534", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only",
                "--network", "host", "--pid", "host", "--cgroupns", "host",
            ]
                + (directories.map { "\($0):\($0):ro" } + [
                    "/sys/fs/cgroup:/sys/fs/cgroup:ro", "\(binary):\(Exporter.binary):ro",
                ])
                .flatMap { ["--volume", $0] }
        }
    }
}

/// A cable with both of its ends, `eth0` and `eth1`, in a container that had no network: what is sent at the one arrives at
/// the other, and nothing else does.
struct Cable {
    /// What the container has to be started with: IPv6 would send packets of its own accord.
    static let options = ["--network", "none", "--sysctl", "net.ipv6.conf.default.disable_ipv6=1"]

    private let process: String

    /// - Parameter container: One that runs.
    init(in container: String, of engine: some ContainerEngine) async throws {
        process = try await engine.inspect(container, "{{.State.Pid}}")
        // Whoever does not ask for addresses (ARP) takes his own for everybody's.
        try await Self.shell(
            """
            end="netns $1 address 02:00:00:00:00:01 arp off"
            ip link add eth0 $end type veth peer name eth1 $end
            nsenter --target "$1" --net ip address add 192.0.2.1/24 dev eth0
            for name in eth0 eth1; do nsenter --target "$1" --net ip link set $name up; done
            """, process)
    }

    /// Sends a packet of so many bytes behind 42 of Ethernet, IP and ICMP.
    func send(bytes: Int) async throws {
        // No answer is its failure.
        try await Self.shell(
            "! nsenter --target \"$1\" --net busybox ping -c 1 -W 1 -s \"$2\" 192.0.2.2 >&2", process, "\(bytes)")
    }

    private static func shell(_ script: String, _ arguments: String...) async throws {
        let result = try await Lab.run(["sh", "-euc", script, "cable"] + arguments)
        guard result.status == 0 else { throw LabError("the cable: \(result.errors)") }
    }
}

/// What the kernel says of a cgroup, in the files of cgroup v1 and of what there is of v2 beside it.
struct KernelFiles {
    /// As in the `id` label.
    let cgroup: String

    /// The id at the end of it.
    var id: String { (cgroup as NSString).lastPathComponent }

    /// Where a controller of v1 is mounted, or `unified`.
    static func mount(of controller: String) -> String? {
        cgroupMounts.first { ($0 as NSString).lastPathComponent.split(separator: ",").contains(Substring(controller)) }
    }

    /// The lines of a file; none where there is no such file.
    func lines(_ controller: String, _ file: String) -> [Substring] {
        guard let mount = Self.mount(of: controller) else { return [] }
        return (try? String(contentsOfFile: "\(mount)\(cgroup)/\(file)", encoding: .utf8))?.split(separator: "\n") ?? []
    }

    /// The number that is all of a file, or the one behind a key.
    func number(_ controller: String, _ file: String, _ key: String? = nil) -> Double? {
        Self.number(lines(controller, file), key)
    }

    /// The same of a file of the whole machine.
    static func number(_ path: String, _ key: String? = nil) -> Double? {
        number(((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").split(separator: "\n"), key)
    }

    private static func number(_ lines: [Substring], _ key: String?) -> Double? {
        guard let key else { return lines.first.flatMap { Double($0) } }
        return lines.lazy.map { $0.split(separator: " ") }.first { $0.count > 1 && $0[0] == key[...] }
            .flatMap { Double($0[1]) }
    }

    /// The cgroup that all others are in.
    static let top = KernelFiles(cgroup: "")

    /// It and all that it is in but the top.
    var lineage: [KernelFiles] {
        let names = cgroup.split(separator: "/")
        return names.indices.map { KernelFiles(cgroup: "/" + names[...$0].joined(separator: "/")) }
    }

    /// The numbers of its processes.
    var processes: [Int] { lines("cpu", "cgroup.procs").compactMap { Int($0) } }

    /// What its processes are called.
    var commands: [String] {
        processes.compactMap { try? String(contentsOfFile: "/proc/\($0)/comm", encoding: .utf8) }
            .map { $0.trimmingCharacters(in: .newlines) }
    }
}

/// A disk by the number that the kernel gives it.
struct Disk {
    /// `254:0`
    let number: String
    /// `/dev/vda`
    let path: String

    init(number: String) throws {
        self.number = number
        let event = try String(contentsOfFile: "/sys/dev/block/\(number)/uevent", encoding: .utf8)
        let name = event.split(separator: "\n").first { $0.hasPrefix("DEVNAME=") }
        path = "/dev/\(try #require(name).dropFirst("DEVNAME=".count))"
    }

    /// The disk on which a file lies, where that is on a partition the whole.
    init(of file: URL) throws {
        var status = stat()
        try #require(stat(file.path, &status) == 0)
        let (major, minor) = (status.st_dev >> 8 & 0xfff, status.st_dev & 0xff | status.st_dev >> 12 & 0xfff00)
        let directory = URL(filePath: "/sys/dev/block/\(major):\(minor)").resolvingSymlinksInPath()
        let isPartition = FileManager.default.fileExists(atPath: "\(directory.path)/partition")
        let whole = isPartition ? directory.deletingLastPathComponent() : directory
        let number = try String(contentsOf: whole.appending(path: "dev"), encoding: .utf8)
        try self.init(number: number.trimmingCharacters(in: .newlines))
    }
}
