import Foundation
import Glibc
import Lab
import Testing

@testable import Containers
@testable import Scraping

@Suite("What cannot be seen of containers, and what mends it")
struct ContainerAccessTests {
    /// A fact, and how the line on it begins and what it says to do.
    struct Case: Sendable, CustomTestStringConvertible {
        let change: @Sendable (inout ContainerAccess) -> Void
        let start: String
        let remedy: String

        init(_ change: @escaping @Sendable (inout ContainerAccess) -> Void, _ start: String, _ remedy: String) {
            (self.change, self.start, self.remedy) = (change, start, remedy)
        }

        var testDescription: String { "\(start): \(remedy)" }
    }

    private func findings(_ change: @Sendable (inout ContainerAccess) -> Void) -> [Finding] {
        var access = ContainerAccess()
        change(&access)
        return access.findings
    }

    @Test("nothing is said where all is well")
    func silence() {
        #expect(findings { _ in } == [])
    }

    @Test(
        "one line for each",
        arguments: [
            Case({ $0.isAlone = true }, "only the exporter's own cgroup", "cgroup: host"),
            Case({ $0.isAlone = true }, "only the exporter's own cgroup", "/sys/fs/cgroup:/host/sys/fs/cgroup:ro"),
            Case({ $0.hasForeignProcesses = true }, "the processes of containers have no numbers", "pid: host"),
            Case(
                { $0.hasForeignProcesses = true }, "the processes of containers have no numbers", "/proc:/host/proc:ro"),
            Case(
                { $0.hidesProcesses = true }, "the processes of other users are hidden (hidepid)", "ProtectProc=default"
            ),
            Case({ $0.hidesOpenFiles = true }, "the open files and sockets", "cap_add: [SYS_PTRACE, DAC_READ_SEARCH]"),
            Case(
                { $0.refusedSockets = [.init(path: "/d.sock", owner: 0, group: 998)] }, "/d.sock may not be used",
                "group_add: [\"998\"]"
            ),
            Case(
                { $0.refusedSockets = [.init(path: "/d.sock", owner: 1000, group: nil)] }, "/d.sock may not be used",
                "user: \"1000\""
            ),
            Case(
                {
                    $0.refusedSockets = [.init(path: "/d.sock", owner: 65_534, group: 65_534)]
                    $0.hasUserNamespace = true
                }, "/d.sock may not be used", "userns_mode: \"host\""
            ),
            Case(
                {
                    $0.refusedSockets = [.init(path: "/d.sock", owner: 0, group: 65_534)]
                }, "/d.sock may not be used", "group_add: [\"65534\"]"
            ),
            Case({ $0.missingSockets = ["/d.sock"] }, "/d.sock is not there", "/d.sock:/d.sock:ro"),
            Case(
                { $0.unknownKinds = [.docker] }, "nobody tells the names of containers of Docker",
                "/var/run/docker.sock"),
            Case({ $0.unknownKinds = [.podman] }, "nobody tells the names of containers of Podman", "podman.socket"),
            Case({ $0.unknownKinds = [.kubernetes] }, "nobody tells the names of containers of Kubernetes", "/var/log"),
            Case({ $0.missingControllers = ["memory"] }, "memory is not counted", "cgroup_enable=memory"),
            Case(
                {
                    $0.missingControllers = ["memory"]
                    $0.commandLine = ["quiet", "cgroup_disable=memory"]
                }, "memory is not counted", "take out cgroup_disable=memory"
            ),
            Case(
                {
                    $0.missingControllers = ["io"]
                    $0.commandLine = ["cgroup_disable=blkio"]
                }, "disk I/O is not counted by cgroup (no controller io)", "take out cgroup_disable=blkio"
            ),
            Case(
                {
                    $0.missingControllers = ["io"]
                    $0.controllersOfV1 = ["blkio"]
                }, "disk I/O is not counted by cgroup (no controller io): it is bound to cgroup v1", "--path.cgroupfs="
            ),
            Case({ $0.missingControllers = ["pids"] }, "the number of threads is not counted", "built with it"),
            Case(
                { $0.undelegatedControllers = ["io", "cpu"] }, "containers of users other than root lack cpu, io",
                "Delegate="
            ),
            Case({ $0.ignoresSwap = true }, "swap is not counted", "swapaccount=1"),
            Case({ $0.hasNoPressure = true }, "pressure is not measured", "psi=1"),
            Case(
                {
                    $0.hasNoPressure = true
                    $0.commandLine = ["psi=1"]
                }, "pressure is not measured", "CONFIG_PSI"
            ),
            Case(
                {
                    $0.neededDescriptors = 5_000
                    $0.keptDescriptors = 4_096
                }, "the cgroups have about 5000 files, of which 4096", "--containers.kept-descriptors=5000"
            ),
        ]
    )
    func lines(input: Case) throws {
        let findings = findings(input.change)
        #expect(findings.count == 1)
        let finding = try #require(findings.first)
        #expect(finding.what.hasPrefix(input.start))
        #expect(finding.remedies.contains { $0.line.contains(input.remedy) })
        #expect(([finding.what] + finding.remedies.map(\.line)).allSatisfy { !$0.contains("\n") })
    }

    @Test("a socket that is refused is the reason why names are not known")
    func reasons() {
        let lines = findings {
            $0.refusedSockets = [.init(path: "/d.sock", owner: 0, group: 1)]
            $0.unknownKinds = [.docker]
        }
        #expect(lines.count == 1)
    }

    // MARK: Facts

    private static let id = String(repeating: "a", count: 64)

    /// A machine of files: v2 with a container, and `/proc`.
    private func machine(
        _ change: (TemporaryDirectory, inout ContainersTarget.Settings) throws -> Void
    ) throws -> ContainerAccess {
        let tree = TemporaryDirectory("tree", in: .memory)
        try tree.write("cgroup/cgroup.controllers", "cpuset cpu io memory pids\n")
        try tree.write("cgroup/docker/\(Self.id)/memory.current", "4096\n")
        try tree.write("cgroup/docker/\(Self.id)/memory.swap.current", "0\n")
        try tree.write("proc/meminfo", "MemTotal: 100 kB\nSwapTotal:      1024 kB\n")
        try tree.write("proc/pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n")
        try tree.write("proc/cmdline", "quiet psi=1\n")
        try tree.write("proc/1/stat", "1 (init)\n")
        var settings = ContainersTarget.Settings()
        settings.cgroupfs = "\(tree.path)/cgroup"
        settings.procfs = "\(tree.path)/proc"
        settings.rootfs = "\(tree.path)/root"
        settings.runtimeSockets = []
        try change(tree, &settings)
        return try #require(ContainerAccess(settings, until: Deadline(after: .seconds(60))))
    }

    @Test("a machine on which all is well")
    func well() throws {
        let access = try machine { _, _ in }
        #expect(access.findings == [])
        #expect(access.commandLine == ["quiet", "psi=1"])
        #expect(access.neededDescriptors == 30)
    }

    @Test("controllers, swap and pressure that are off")
    func kernel() throws {
        let access = try machine { tree, _ in
            try tree.write("cgroup/cgroup.controllers", "cpu pids\n")
            try tree.remove("cgroup/docker/\(Self.id)/memory.swap.current")
            try tree.remove("proc/pressure")
            try tree.write(
                "proc/cgroups",
                "#subsys_name\thierarchy\tnum_cgroups\tenabled\nblkio\t7\t1\t1\nmemory\t0\t47\t0\npids\t0\t1\t1\n")
        }
        #expect(access.missingControllers == ["memory", "io"])
        #expect(access.controllersOfV1 == ["blkio"])
        #expect(access.ignoresSwap)
        #expect(access.hasNoPressure)
        let swapless = try machine { tree, _ in
            try tree.remove("cgroup/docker/\(Self.id)/memory.swap.current")
            try tree.write("proc/meminfo", "SwapTotal:             0 kB\n")
        }
        #expect(!swapless.ignoresSwap)
    }

    @Test("v1 without swap accounting; it never has pressure")
    func v1() throws {
        let access = try machine { tree, settings in
            for file in ["memory/release_agent", "memory/memory.usage_in_bytes", "cpu,cpuacct/cpu.shares", "blkio/x"] {
                try tree.write("v1/\(file)", "\n")
            }
            try tree.remove("proc/pressure")
            settings.cgroupfs = "\(tree.path)/v1"
        }
        #expect(access.missingControllers == ["pids"])
        #expect(access.ignoresSwap)
        #expect(!access.hasNoPressure)
    }

    @Test("controllers that are not delegated to users")
    func delegation() throws {
        let access = try machine { tree, _ in
            let scope = "cgroup/user.slice/user-1000.slice/user@1000.service/user.slice/docker-\(Self.id).scope"
            try tree.write("\(scope)/cgroup.controllers", "memory pids\n")
        }
        #expect(access.undelegatedControllers == ["cpu", "io"])
    }

    @Test("only our own cgroup, as a private namespace shows it")
    func alone() throws {
        let access = try machine { tree, _ in
            try tree.write("cgroup/cgroup.events", "populated 1\n")
            try tree.write("cgroup/cgroup.procs", "\(getpid())\n")
        }
        #expect(access.isAlone)
        // A machine that is itself a container is all that there is to be seen.
        let machine = try machine { tree, _ in
            try tree.write("cgroup/cgroup.events", "populated 1\n")
            try tree.write("cgroup/cgroup.procs", "1\n")
        }
        #expect(!machine.isAlone)
        #expect(machine.findings == [])
    }

    @Test("processes of another namespace, unless procfs is that namespace's")
    func processes() throws {
        let access = try machine { tree, settings in
            try tree.write("cgroup/docker/\(Self.id)/cgroup.procs", "0\n0\n")
            settings.procfs = "/proc"
        }
        #expect(access.hasForeignProcesses)
        let host = try machine { tree, _ in try tree.write("cgroup/docker/\(Self.id)/cgroup.procs", "0\n") }
        #expect(!host.hasForeignProcesses)
        // v1 leaves out what v2 has as 0.
        let v1 = try machine { tree, settings in
            try tree.write("v1/memory/docker/\(Self.id)/cgroup.procs", "")
            try tree.write("v1/pids/docker/\(Self.id)/cgroup.procs", "")
            try tree.write("v1/pids/docker/\(Self.id)/pids.current", "3\n")
            settings.cgroupfs = "\(tree.path)/v1"
            settings.procfs = "/proc"
        }
        #expect(v1.hasForeignProcesses)
        let hidden = try machine { tree, _ in try tree.remove("proc/1") }
        #expect(hidden.hidesProcesses)
    }

    @Test("open files that may not be listed", .enabled(if: geteuid() == 0, "takes root to see the difference"))
    func openFiles() throws {
        let own = try machine { tree, settings in
            try tree.write("cgroup/docker/\(Self.id)/cgroup.procs", "\(getpid())\n4194305\n")
            settings.procfs = "/proc"
        }
        #expect(!own.hidesOpenFiles)
        let others = try machine { tree, _ in
            try tree.write("cgroup/docker/\(Self.id)/cgroup.procs", "4711\n")
            try tree.write("proc/4711/fd/0", "")
        }
        #expect(others.hidesOpenFiles)
    }

    @Test("sockets: there, not there, and names from files where there is none")
    func sockets() throws {
        let missing = try machine { tree, settings in settings.runtimeSockets = ["\(tree.path)/missing.sock"] }
        #expect(missing.missingSockets.count == 1)
        #expect(missing.unknownKinds == [.docker])

        let listening = try machine { tree, settings in
            let path = tree.path("advice.sock")
            let listener = try #require(Listener(path))
            defer { listener.close() }
            settings.runtimeSockets = [path]
            // Asked while it listens.
            let access = try #require(ContainerAccess(settings, until: Deadline(after: .seconds(60))))
            #expect(access.missingSockets.isEmpty)
            #expect(access.unknownKinds.isEmpty)
        }
        #expect(listening.missingSockets.count == 1)

        let known = try machine { tree, settings in
            settings.runtimeSockets = nil
            try tree.write(
                "root/var/lib/docker/containers/\(Self.id)/config.v2.json", #"{"ID":"\#(Self.id)","Name":"/web"}"#)
        }
        #expect(known.unknownKinds.isEmpty)
    }

    @Test("sockets that may not be used", .enabled(if: geteuid() == 0, "takes root to give up being root"))
    func refusedSockets() throws {
        let directory = TemporaryDirectory("advice")
        let path = directory.path("advice.sock")
        let listener = try #require(Listener(path))
        defer { withExtendedLifetime(directory) { listener.close() } }
        chmod(path, 0o660)
        chown(path, 0, 998)
        func refused() throws -> [ContainerAccess.RefusedSocket] {
            try machine { _, settings in settings.runtimeSockets = [path] }.refusedSockets
        }
        #expect(try refused() == [])
        #expect(try asNobody { try refused() } == [.init(path: path, owner: 0, group: 998)])
        chmod(path, 0o600)
        #expect(try asNobody { try refused() } == [.init(path: path, owner: 0, group: nil)])
    }

    private struct Listener {
        let descriptor: CInt
        let path: String

        init?(_ path: String) {
            self.path = path
            descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            let isBound = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
                }
            }
            guard isBound, listen(descriptor, 1) == 0 else { return nil }
        }

        func close() {
            Glibc.close(descriptor)
            unlink(path)
        }
    }

    @Test("no cgroups, no advice")
    func nowhere() async throws {
        let tree = TemporaryDirectory("tree", in: .memory)
        var settings = ContainersTarget.Settings()
        settings.cgroupfs = tree.path
        #expect(ContainerAccess(settings, until: Deadline(after: .seconds(60))) == nil)
        settings.cgroupfs = Fixture.v2.cgroupfs
        #expect(ContainerAccess(settings, until: Deadline(after: .zero)) == nil)
        let target = try #require(try ContainersTarget(settings))
        let scrape = Scrape(until: Deadline(after: .seconds(300)))
        await target.run(scrape)
        scrape.finish()
        let outcome = scrape.harvest(target.collectors).outcome
        #expect(await target.examine(outcome, until: Deadline(after: .zero)).findings == [])
    }
}
