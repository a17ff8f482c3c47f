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
    /// Sends packets that nobody answers.
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
        case .network: ["--cap-add", "NET_ADMIN"]
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
        case .network:
            """
            ip link add eth0 type veth peer name eth1 && ip link set eth0 up && ip link set eth1 up
            ip addr add 10.9.8.1/24 dev eth0 && ping -c 1 -W 1 10.9.8.2
            exec sleep 3600
            """
        case .none: "exec sleep 3600"
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
        let id = try await engine.run(name, options: try options(engine.directory), command: ["sh", "-c", script])
        let files = KernelFiles(cgroup: engine.cgroup(of: id))
        let hasCome = try await eventually(within: 60) { isThere(files) }
        guard hasCome else { throw LabError("\(name): \(try await engine.cli("logs", name))") }
        try await engine.cli("pause", name)
        return files
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
        let lines = lines(controller, file)
        guard let key else { return lines.first.flatMap { Double($0) } }
        let line = lines.first { $0.hasPrefix("\(key) ") }
        return line.flatMap { Double($0.dropFirst(key.count + 1)) }
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
