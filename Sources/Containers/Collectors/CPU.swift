import Exposition

extension ContainerCollectors {
    /// CPU time, throttling by a quota, and the quota itself.
    ///
    /// CPU time is one series with `cpu="total"`, on v1 too: v2 does not know it by CPU, sums over `cpu` are the same
    /// either way, and `cpuacct.usage_percpu` costs the kernel a look at every CPU the machine could have.
    static let cpu = CgroupTable(
        "container_cpu",
        [
            CgroupMetric(
                "container_cpu_usage_seconds_total", .counter,
                "CPU time that was used.",
                labels: [("cpu", "total")],
                v2: [.microseconds("cpu.stat: usage_usec")], v1: [.nanoseconds("cpuacct.usage")]
            ),
            // v1 counts these in hundredths of a second; beside it v2 has them in microseconds.
            CgroupMetric(
                "container_cpu_user_seconds_total", .counter,
                "CPU time that was used outside the kernel.",
                v2: [.microseconds("cpu.stat: user_usec")], v1: [.ticks("cpuacct.stat: user")],
                rule: .hybrid
            ),
            CgroupMetric(
                "container_cpu_system_seconds_total", .counter,
                "CPU time that was used within the kernel.",
                v2: [.microseconds("cpu.stat: system_usec")], v1: [.ticks("cpuacct.stat: system")],
                rule: .hybrid
            ),
            CgroupMetric(
                "container_cpu_cfs_periods_total", .counter,
                "Periods of the CPU quota in which there was something to run.",
                v2: ["cpu.stat: nr_periods"], v1: ["cpu.stat: nr_periods"],
                onlyWith: quota
            ),
            CgroupMetric(
                "container_cpu_cfs_throttled_periods_total", .counter,
                "Periods in which the CPU quota was used up and processes had to wait.",
                v2: ["cpu.stat: nr_throttled"], v1: ["cpu.stat: nr_throttled"],
                onlyWith: quota
            ),
            CgroupMetric(
                "container_cpu_cfs_throttled_seconds_total", .counter,
                "Time that was spent waiting for the next period, added up over CPUs.",
                v2: [.microseconds("cpu.stat: throttled_usec")], v1: [.nanoseconds("cpu.stat: throttled_time")],
                onlyWith: quota
            ),
            CgroupMetric(
                "container_cpu_cfs_burst_periods_total", .counter,
                "Periods in which more than the CPU quota was used, saved up in those before.",
                v2: ["cpu.stat: nr_bursts"], v1: ["cpu.stat: nr_bursts"],
                versions: "Linux 5.15+",
                onlyWith: quota
            ),
            CgroupMetric(
                "container_cpu_cfs_burst_seconds_total", .counter,
                "CPU time that was used beyond the quota.",
                v2: [.microseconds("cpu.stat: burst_usec")], v1: [.nanoseconds("cpu.stat: burst_time")],
                versions: "Linux 5.15+",
                onlyWith: quota
            ),
            CgroupMetric(
                "container_spec_cpu_period", .gauge,
                "The period of the CPU quota in microseconds.",
                v2: [.plain(.word(1, of: "cpu.max"))], v1: ["cpu.cfs_period_us"]
            ),
            CgroupMetric(
                "container_spec_cpu_quota", .gauge,
                "CPU time in microseconds that may be used in each period; absent where there is no quota.",
                v2: quota.v2, v1: quota.v1
            ),
            CgroupMetric(
                "container_spec_cpu_shares", .gauge,
                "The share of contended CPU time, on the scale on which 1024 is the default.",
                v2: [.weight("cpu.weight")], v1: ["cpu.shares"],
                correctedBy: CPUWeight.shares
            ),
            // Of CPU sets only the sizes are compared: one that has but a part of its CPUs in common with that of a cgroup
            // above is smaller than either.
            CgroupMetric(
                "container_cpu_limit_effective_cores", .gauge,
                "CPUs that may be used at most, by the quotas and CPU sets of the cgroup and of all that it is in, and by "
                    + "what the machine has.",
                CgroupColumns(
                    v2: [.plain("cpu.max", per: .word(1, of: "cpu.max")), .plain(.cpus(in: "cpuset.cpus"))],
                    v1: [.plain("cpu.cfs_quota_us", per: "cpu.cfs_period_us"), .plain(.cpus(in: "cpuset.cpus"))],
                    top: [.plain(.lines(of: "stat", "cpu"))],
                    rule: .leastOfPath)
            ),
        ]
    )

    /// `max`, and on v1 -1, is no value: no quota.
    private static let quota = CgroupColumns(v2: ["cpu.max"], v1: ["cpu.cfs_quota_us"])
}
