import Exposition

extension ContainerCollectors {
    /// What few need and costs a file each: off by default.
    static let details = CgroupTable(
        "container_details", isEnabledByDefault: false,
        [
            // On v2 of Linux 6.11 it is counted where the limit is, and in all that this is in; before, where the fork was.
            CgroupMetric(
                "container_threads_refused_total", .counter,
                "How often a process or thread could not be made because of the limit.",
                v2: ["pids.events: max"], v1: ["pids.events: max"]
            ),
            CgroupMetric(
                "container_oom_events_local_total", .counter,
                "Processes that the OOM killer ended in the cgroup itself, without those of cgroups within it.",
                v2: ["memory.events.local: oom_kill"], v1: ["memory.oom_control: oom_kill"],
                versions: "Linux 5.2+ on v2, 4.13+ on v1"
            ),
            CgroupMetric(
                "container_memory_events_max_local_total", .counter,
                "How often memory in use met the cgroup's own limit, and not that of a cgroup within it.",
                v2: ["memory.events.local: max"], v1: ["memory.failcnt"],
                versions: "Linux 5.2+ on v2"
            ),
            CgroupMetric(
                "container_memory_swap_max_usage_bytes", .gauge,
                "The most swap that was ever in use.",
                v2: ["memory.swap.peak"],
                versions: "Linux 6.5+ on v2"
            ),
            CgroupMetric(
                "container_memory_swap_events_max_total", .counter,
                "How often swap in use was about to exceed memory.swap.max.",
                v2: ["memory.swap.events: max"]
            ),
            CgroupMetric(
                "container_memory_swap_events_fail_total", .counter,
                "How often nothing could be swapped out, because of the limit or because all swap was in use.",
                v2: ["memory.swap.events: fail"]
            ),
            CgroupMetric(
                "container_threads_max_usage", .gauge,
                "The most threads that there ever were.",
                v2: ["pids.peak"], v1: ["pids.peak"],
                versions: "Linux 6.1+"
            ),
            CgroupMetric(
                "container_pressure_irq_stalled_seconds_total", .counter,
                "Time in which all processes waited for interrupts to be handled.",
                v2: [.microseconds("irq.pressure: full total")],
                versions: "Linux 6.1+ with PSI and CONFIG_IRQ_TIME_ACCOUNTING, on v2 or beside v1"
            ),
            CgroupMetric(
                "container_cgroup_descendants", .gauge,
                "Cgroups within the cgroup.",
                v2: ["cgroup.stat: nr_descendants"]
            ),
            // Each keeps memory that something else uses still, and makes every memory.stat slower to read.
            CgroupMetric(
                "container_cgroup_dying_descendants", .gauge,
                "Cgroups within the cgroup that were removed and still hold memory.",
                v2: ["cgroup.stat: nr_dying_descendants"]
            ),
            CgroupMetric(
                "container_cgroup_frozen", .gauge,
                "1 if all processes are stopped by the freezer, as those of a paused container are, else 0.",
                v2: [.plain(isFrozen)],
                versions: "Linux 5.2+ on v2"
            ),
        ]
    )

    /// Where v1 has the freezer, what v2 beside it says of one of its own that nobody uses is not it.
    private static let isFrozen = CgroupField.key("frozen", of: "cgroup.events", in: "freezer")
}
