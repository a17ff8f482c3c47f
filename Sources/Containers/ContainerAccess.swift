import Glibc
public import Scraping

extension ContainersTarget: Examinable {
    /// What can be seen from here of cgroups, engines and processes, what cannot, and what mends it.
    public func examine(_ outcome: ScrapeOutcome, until deadline: Deadline) -> Examination {
        let access = ContainerAccess(settings, until: deadline)
        var examination = Examination(facts: access?.facts ?? [], findings: access?.findings ?? [])
        // What runs without rights of its own is meant to.
        examination.add(outcome) { $0.name.hasPrefix("engine ") ? .mend : .hint }
        return examination
    }
}

/// What the kernel, the runtime that the exporter runs in and the engines let be seen of containers.
struct ContainerAccess {
    /// An engine's socket that is there and may not be used.
    struct RefusedSocket: Equatable {
        let path: String
        let owner: UInt32
        /// `nil` where the group may not write either, which connecting takes.
        let group: UInt32?
    }

    /// A controller of the kernel's, by what is absent without it.
    static let controllers: [(v2: String, v1: String, counts: String)] = [
        ("memory", "memory", "memory"), ("cpu", "cpu", "throttling of CPUs"), ("io", "blkio", "disk I/O"),
        ("pids", "pids", "the number of threads"),
    ]

    /// The group and user that stand for those which a user namespace has no number for.
    static let unmapped: UInt32 = 65_534

    /// The version of cgroups, and where they are.
    var hierarchy = ""
    /// Whether the hierarchy is seen from its top.
    var isWhole = true
    /// How many cgroups are on the page.
    var cgroups = 0
    /// How many of them are containers.
    var containers = 0
    /// Sockets that may be used.
    var usedSockets: [String] = []
    /// Whether all that is seen is the cgroup that the exporter itself is in.
    var isAlone = false
    /// Whether there are processes that only have numbers outside of our pid namespace.
    var hasForeignProcesses = false
    /// Whether procfs keeps the processes of others to itself.
    var hidesProcesses = false
    /// Whether the open files of another user's process cannot be listed.
    var hidesOpenFiles = false
    /// Sockets that are there and may not be used.
    var refusedSockets: [RefusedSocket] = []
    /// Sockets that are configured and not there.
    var missingSockets: [String] = []
    /// The engines with containers of which neither a socket nor a file tells anything.
    var unknownKinds: Set<ContainerKind> = []
    /// Whether our numbers of users are not the host's.
    var hasUserNamespace = false
    /// The controllers that neither version has, by their names on v2.
    var missingControllers: Set<String> = []
    /// Those of them that a v1 hierarchy has which is not to be seen from here, by their names on v1.
    var controllersOfV1: Set<String> = []
    /// The controllers that containers of users other than root do not have though the kernel does.
    var undelegatedControllers: Set<String> = []
    /// Whether there is swap and it is not counted by container.
    var ignoresSwap = false
    /// Whether there is v2 without pressure.
    var hasNoPressure = false
    /// What the kernel was started with.
    var commandLine: Set<String> = []
    /// How many files the cgroups on the page have, roughly.
    var neededDescriptors = 0
    /// How many of them may stay open.
    var keptDescriptors = Int.max
}

// MARK: Looking

extension ContainerAccess {
    /// Looks at this system, as it is now.
    ///
    /// - Returns: `nil` where there are no cgroups to look at, or no time.
    init?(_ settings: ContainersTarget.Settings, until deadline: Deadline) {
        guard let mounts = try? CgroupMounts.find(cgroupfs: settings.cgroupfs, procfs: settings.procfs),
            let primary = mounts.primary, let root = mounts.directories[primary],
            let tree = try? CgroupTree(root: root, showing: settings.shownKinds),
            (try? tree.refresh(now: time(nil), until: deadline)) != nil
        else { return nil }
        self.init()
        let exported = tree.exported
        let isV2 = primary == .v2
        hierarchy = "\(isV2 ? "v2" : mounts.directories[.v2] == nil ? "v1" : "v1 and v2") at \(root)"
        isWhole = mounts.areWhole
        cgroups = exported.count
        containers = exported.count { $0.container != nil }
        neededDescriptors = exported.count * (isV2 ? 10 : 15)
        keptDescriptors = min(settings.keptDescriptors, DescriptorLimit.current / 2)
        commandLine = Self.words("\(settings.procfs)/cmdline")

        isAlone = !mounts.areWhole && Self.processes("\(root)/cgroup.procs").contains(getpid())
        if !isAlone { lookAtProcesses(exported, mounts, below: root, procfs: settings.procfs) }
        lookAtEngines(exported, settings)
        if mounts.areWhole { lookAtControllers(mounts, exported, procfs: settings.procfs) }
        lookAtSwap(exported, below: root, isV2: isV2, procfs: settings.procfs)
        hasNoPressure = mounts.directories[.v2] != nil && access("\(settings.procfs)/pressure/cpu", R_OK) != 0
    }

    private mutating func lookAtProcesses(
        _ exported: [Cgroup], _ mounts: CgroupMounts, below root: String, procfs: String
    ) {
        // Only a procfs of our own pid namespace numbers us as we do.
        let isOurs = Self.link("\(procfs)/self") == "\(getpid())"
        hidesProcesses = access("\(procfs)/1/stat", R_OK) != 0
        for cgroup in exported where !cgroup.isRoot {
            let processes = Self.processes("\(root)/\(cgroup.relativePath)/cgroup.procs")
            if isOurs, !hasForeignProcesses {
                hasForeignProcesses =
                    processes.contains(0) || Self.hidesTasks(of: cgroup, mounts.directories[.v1("pids")])
            }
            if !hidesOpenFiles {
                hidesOpenFiles = processes.contains { $0 > 0 && Self.hidesOpenFiles("\(procfs)/\($0)") }
            }
        }
    }

    /// v1 leaves out of `cgroup.procs` what v2 has as 0, and yet counts it.
    private static func hidesTasks(of cgroup: Cgroup, _ directory: String?) -> Bool {
        guard let directory, cgroup.children.isEmpty else { return false }
        let path = "\(directory)/\(cgroup.relativePath)"
        guard processes("\(path)/cgroup.procs").isEmpty else { return false }
        return lines("\(path)/pids.current").first.map { $0 != "0" } ?? false
    }

    /// Listing them takes the rights of the process's user, and telling sockets apart those of its tracer.
    private static func hidesOpenFiles(_ process: String) -> Bool {
        access(process, F_OK) == 0 && (access("\(process)/fd", R_OK) != 0 || link("\(process)/ns/pid") == nil)
    }

    private mutating func lookAtEngines(_ exported: [Cgroup], _ settings: ContainersTarget.Settings) {
        hasUserNamespace = !Self.words("/proc/self/uid_map").contains("4294967295")
        var hasSocket = false
        for path in settings.runtimeSockets ?? ContainersTarget.Settings.usualSockets {
            switch Self.connect(to: path) {
            case nil:
                hasSocket = true
                usedSockets.append(path)
            case EACCES, EPERM:
                var status = stat()
                if stat(path, &status) == 0 {
                    let group = status.st_mode & S_IWGRP != 0 ? status.st_gid : nil
                    refusedSockets.append(RefusedSocket(path: path, owner: status.st_uid, group: group))
                } else if settings.runtimeSockets != nil {
                    // Not even its directory may be entered.
                    refusedSockets.append(RefusedSocket(path: path, owner: 0, group: nil))
                }
            default:
                if settings.runtimeSockets != nil { missingSockets.append(path) }
            }
        }
        guard !hasSocket, settings.runtimeSockets != [] else { return }
        let files = RuntimeFiles(settings: settings)
        for cgroup in exported {
            guard let container = cgroup.container, Self.isNamed(container),
                !unknownKinds.contains(container.kind)
            else { continue }
            let details = files.details(of: container, cgroup: cgroup)
            if details?.name == nil, details?.pod == nil { unknownKinds.insert(container.kind) }
        }
    }

    /// Whether there is somebody to ask about it: nobody lists build steps, and containerd's alone have no names.
    private static func isNamed(_ container: Container) -> Bool {
        switch container.kind {
        case .docker: container.runtime != .buildkit
        case .podman: true
        case .kubernetes: container.podUID != nil
        case .systemd, .lxc: false
        }
    }

    private mutating func lookAtControllers(_ mounts: CgroupMounts, _ exported: [Cgroup], procfs: String) {
        let directory = mounts.directories[.v2]
        let available = directory.map { Self.words("\($0)/cgroup.controllers") } ?? []
        missingControllers = Set(
            Self.controllers.filter { !available.contains($0.v2) && mounts.directories[.v1($0.v1)] == nil }.map(\.v2))
        // Its columns are a controller, the number of its v1 hierarchy (0 on v2), its cgroups and whether it is on.
        let lines = Self.lines("\(procfs)/cgroups").map { $0.split(separator: "\t") }
        controllersOfV1 = Set(lines.filter { $0.count == 4 && $0[1] != "0" && $0[3] == "1" }.map { String($0[0]) })
        guard let directory, mounts.primary == .v2 else { return }
        let wanted = Set(Self.controllers.map(\.v2)).intersection(available)
        for cgroup in exported where cgroup.container != nil && cgroup.components.first == "user.slice" {
            let own = Self.words("\(directory)/\(cgroup.relativePath)/cgroup.controllers")
            if !cgroup.isGone, !own.isEmpty { undelegatedControllers.formUnion(wanted.subtracting(own)) }
        }
    }

    private mutating func lookAtSwap(_ exported: [Cgroup], below root: String, isV2: Bool, procfs: String) {
        let total = Self.lines("\(procfs)/meminfo").first { $0.hasPrefix("SwapTotal:") }
        guard let total, total.contains(where: { "123456789".contains($0) }) else { return }
        if !isV2 {
            ignoresSwap =
                access("\(root)/memory.usage_in_bytes", F_OK) == 0
                && access("\(root)/memory.memsw.usage_in_bytes", F_OK) != 0
        } else {
            ignoresSwap = exported.contains {
                !$0.isRoot && access("\(root)/\($0.relativePath)/memory.current", F_OK) == 0
                    && access("\(root)/\($0.relativePath)/memory.swap.current", F_OK) != 0
            }
        }
    }

    /// - Returns: The error number, `nil` where somebody listens.
    private static func connect(to path: String) -> CInt? {
        var address = sockaddr_un()
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < capacity else { return ENAMETOOLONG }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let socket = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | O_CLOEXEC | O_NONBLOCK, 0)
        guard socket >= 0 else { return errno }
        defer { close(socket) }
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        // One whose queue is full is there as well.
        return status == 0 || errno == EAGAIN ? nil : errno
    }

    private static func link(_ path: String) -> String? {
        var bytes = [CChar](repeating: 0, count: 64)
        let count = readlink(path, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self) : nil
    }

    private static func lines(_ path: String) -> [Substring] {
        String(decoding: (try? File.contents(of: path)) ?? [], as: UTF8.self).split(separator: "\n")
    }

    private static func words(_ path: String) -> Set<String> {
        Set(lines(path).flatMap { $0.split { $0 == " " || $0 == "\t" } }.map(String.init))
    }

    /// 0 stands for those outside of our pid namespace.
    private static func processes(_ path: String) -> [pid_t] { lines(path).compactMap { pid_t($0) } }
}
