import Exposition

extension ContainerCollectors {
    /// How many processes and threads there are, and how many there may be.
    static let processes = CgroupTable(
        "container_processes",
        [
            // A container that moves its processes to cgroups of its own, as systemd does, has none left here.
            CgroupMetric(
                "container_processes", .gauge,
                "Processes in the cgroup itself, without those of cgroups within it.",
                v2: [.plain(processCount)], v1: [.plain(processCount)]
            ),
            CgroupMetric(
                "container_threads", .gauge,
                "Threads in the cgroup and those within it; where the kernel does not count them, in the cgroup itself.",
                v2: ["pids.current", .plain(.lines(of: "cgroup.threads", in: "cpu"))],
                v1: ["pids.current", .plain(.lines(of: "tasks", in: "cpu"))]
            ),
            CgroupMetric(
                "container_threads_max", .gauge,
                "The most threads there may be; 0 for no limit.",
                v2: [.limit("pids.max")], v1: [.limit("pids.max")]
            ),
            CgroupMetric(
                "container_threads_limit_effective", .gauge,
                "The most threads there may be, by the limits of the cgroup and of all that it is in, and by what the "
                    + "kernel has numbers for.",
                CgroupColumns(
                    v2: [.bound("pids.max")], v1: [.bound("pids.max")],
                    top: ["sys/kernel/pid_max", "sys/kernel/threads-max"],
                    rule: .leastOfPath)
            ),
        ]
    )

    private static let processCount = CgroupField.lines(of: "cgroup.procs", in: "cpu")
}
