import Scraping

extension ContainerAccess {
    private static let compose = "compose.yaml"
    private static let docker = "docker run"
    private static let unit = "systemd unit"
    private static let commandLine = "the kernel's command line"

    // MARK: What is so

    var facts: [Examination.Fact] {
        let sockets =
            usedSockets + refusedSockets.map { "\($0.path) (refused)" } + missingSockets.map { "\($0) (not there)" }
        let processes = hasForeignProcesses ? "in another pid namespace" : hidesProcesses ? "hidden" : "seen"
        return [
            .init(
                "cgroups", "\(hierarchy), \(isAlone ? "our own alone" : isWhole ? "whole" : "from a namespace's top")"),
            .init("on the page", "\(cgroups) cgroups, \(containers) of them containers"),
            .init("sockets", sockets.isEmpty ? "none" : sockets.joined(separator: ", ")),
            .init("processes", processes + (hidesOpenFiles ? ", their open files are not" : "")),
            .init("descriptors", "about \(neededDescriptors) wanted, \(keptDescriptors) may stay open"),
        ]
    }

    // MARK: What is missing

    var findings: [Finding] {
        var findings: [Finding] = []
        if isAlone {
            findings.append(
                Finding(
                    .mend, "only the exporter's own cgroup can be seen, since its cgroup namespace is private",
                    [
                        Remedy(Self.compose, "cgroup: host"),
                        Remedy(Self.docker, "--cgroupns=host", isAlternative: true),
                        Remedy(
                            Self.compose, #"volumes: ["/sys/fs/cgroup:/host/sys/fs/cgroup:ro"]"#, isAlternative: true),
                    ]))
        }
        findings += processes + engines + names + controllers + kernel
        if neededDescriptors > keptDescriptors {
            findings.append(
                Finding(
                    .hint,
                    "the cgroups have about \(neededDescriptors) files, of which \(keptDescriptors) stay open between "
                        + "scrapes; the others cost CPU each time",
                    [
                        Remedy(Remedy.flags, "--containers.kept-descriptors=\(neededDescriptors)"),
                        Remedy(Self.compose, "ulimits: {nofile: \(2 * neededDescriptors)}"),
                    ]))
        }
        return findings
    }

    private var processes: [Finding] {
        var findings: [Finding] = []
        if hasForeignProcesses {
            findings.append(
                Finding(
                    .mend,
                    "the processes of containers have no numbers here, so their network and open files are not seen",
                    [
                        Remedy(Self.compose, "pid: host"),
                        Remedy(Self.docker, "--pid=host", isAlternative: true),
                        // The socket of an engine tells the host's numbers.
                        Remedy(
                            Self.compose,
                            #"volumes: ["/proc:/host/proc:ro", "/var/run/docker.sock:/var/run/docker.sock:ro"]"#,
                            isAlternative: true),
                    ], parts: ["container_network", "container_open_files"]))
        }
        if hidesProcesses {
            findings.append(
                Finding(
                    .mend,
                    "the processes of other users are hidden (hidepid), so the network and open files of containers are "
                        + "not seen",
                    [
                        Remedy(Self.unit, "ProtectProc=default"),
                        Remedy("sh", "mount -o remount,hidepid=0 /proc", isAlternative: true),
                    ], parts: ["container_network", "container_open_files"]))
        }
        if hidesOpenFiles {
            findings.append(
                Finding(
                    .hint,
                    "the open files and sockets of other users' processes cannot be counted; everything else goes without",
                    [
                        Remedy(Self.compose, #"user: "0:0""#),
                        Remedy(Self.compose, "cap_add: [SYS_PTRACE, DAC_READ_SEARCH]"),
                    ],
                    parts: ["container_open_files"]))
        }
        return findings
    }

    private var engines: [Finding] {
        missingSockets.map { path in
            Finding(
                .mend, "\(path) is not there, so names, images and states are not asked for",
                [
                    Remedy(Self.compose, "volumes: [\"\(path):\(path):ro\"]"),
                    Remedy(Remedy.flags, "--containers.runtime-socket=<where it is>", isAlternative: true),
                ], parts: ["engine \(path)"])
        }
            + refusedSockets.map { socket in
                Finding(
                    .mend, "\(socket.path) may not be used, so names, images and states are not asked for",
                    remedies(socket),
                    parts: ["engine \(socket.path)"])
            }
    }

    private func remedies(_ socket: RefusedSocket) -> [Remedy] {
        if hasUserNamespace, socket.owner == Self.unmapped || socket.group == Self.unmapped {
            // Its owner has no number in our user namespace.
            return [Remedy(Self.compose, #"userns_mode: "host""#)]
        }
        if let group = socket.group {
            return [
                Remedy(Self.compose, "group_add: [\"\(group)\"]"),
                Remedy(Self.docker, "--group-add \(group)", isAlternative: true),
                Remedy(Self.unit, "SupplementaryGroups=\(group)", isAlternative: true),
            ]
        }
        return [
            Remedy(Self.compose, "user: \"\(socket.owner)\""),
            Remedy("sh", "chmod g+w \(socket.path.quotedForShell)", isAlternative: true),
        ]
    }

    /// To have no socket is a choice; whoever has not given one is told what it is good for.
    private var names: [Finding] {
        guard refusedSockets.isEmpty, missingSockets.isEmpty else { return [] }
        func volume(_ path: String) -> Remedy { Remedy(Self.compose, "volumes: [\"\(path):\(path):ro\"]") }
        let remedies: [(kind: ContainerKind, engine: String, remedies: [Remedy])] = [
            (.docker, "Docker", [volume("/var/run/docker.sock")]),
            (
                .podman, "Podman",
                [Remedy("sh", "systemctl enable --now podman.socket"), volume("/run/podman/podman.sock")]
            ),
            (.kubernetes, "Kubernetes", [Remedy("pod", "a hostPath volume of /var/log at /var/log, read only")]),
        ]
        return remedies.filter { unknownKinds.contains($0.kind) }.map { _, engine, remedies in
            Finding(.hint, "nobody tells the names of containers of \(engine), so their ids stand for them", remedies)
        }
    }

    private var controllers: [Finding] {
        var findings = Self.controllers.filter { missingControllers.contains($0.v2) }.map { name, v1, counts in
            let what = "\(counts) is not counted by cgroup (no controller \(name))"
            if controllersOfV1.contains(v1) {
                return Finding(
                    .mend, "\(what): it is bound to cgroup v1, which is not to be seen from here",
                    [Remedy(Remedy.flags, "--path.cgroupfs=<the directory with both versions>")])
            }
            if let disabled = [name, v1].map({ "cgroup_disable=\($0)" }).first(where: commandLine.contains) {
                return Finding(.mend, what, [Remedy(Self.commandLine, "take out \(disabled)")])
            }
            if name == "memory" {
                let place = "\(Self.commandLine) (on a Raspberry Pi in /boot/firmware/cmdline.txt)"
                return Finding(.mend, what, [Remedy(place, "cgroup_enable=memory")])
            }
            return Finding(.hint, what, [Remedy(nil, "the kernel has to be built with it")])
        }
        if !undelegatedControllers.isEmpty {
            findings.append(
                Finding(
                    .hint,
                    "containers of users other than root lack "
                        + undelegatedControllers.sorted().joined(separator: ", "),
                    [
                        Remedy(
                            "[Service] of /etc/systemd/system/user@.service.d/delegate.conf",
                            "Delegate=cpu cpuset io memory pids")
                    ]))
        }
        return findings
    }

    private var kernel: [Finding] {
        var findings: [Finding] = []
        if ignoresSwap {
            findings.append(
                Finding(.hint, "swap is not counted by cgroup", [Remedy(Self.commandLine, "swapaccount=1")]))
        }
        if hasNoPressure {
            let remedy =
                commandLine.contains("psi=1")
                ? Remedy(nil, "the kernel has to be built with CONFIG_PSI") : Remedy(Self.commandLine, "psi=1")
            findings.append(Finding(.hint, "pressure is not measured", [remedy]))
        }
        return findings
    }
}
