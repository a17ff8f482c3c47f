import Exposition

extension ContainerCollectors {
    /// Memory in use, its kinds, limits and the events of running into them.
    ///
    /// v2's figures are those of the cgroup and everything below it. v1's `memory.stat` has both; the `total_` fields are
    /// the ones that compare. The top cgroup of v2 has neither usage nor limits, and v1's says only that it has none:
    /// there the machine's own figures stand.
    static let memory = CgroupTable(
        "container_memory",
        [
            CgroupMetric(
                "container_memory_usage_bytes", .gauge,
                "Memory in use, page cache and kernel memory included.",
                v2: ["memory.current", .plain("memory.stat: anon", "memory.stat: file")],
                v1: ["memory.usage_in_bytes"]
            ),
            CgroupMetric(
                "container_memory_limit_effective_bytes", .gauge,
                "The memory that may be used at most, by the limits of the cgroup and of all that it is in, and by what "
                    + "the machine has.",
                effectiveLimit
            ),
            CgroupMetric(
                "container_memory_max_usage_bytes", .gauge,
                "The most memory that was ever in use.",
                v2: ["memory.peak"], v1: ["memory.max_usage_in_bytes"],
                versions: "Linux 5.19+ on v2"
            ),
            CgroupMetric(
                "container_memory_working_set_bytes", .gauge,
                "Memory in use without the page cache that was not touched for long and goes first.",
                workingSet
            ),
            CgroupMetric(
                "container_memory_working_set_ratio", .gauge,
                "The working set as a part of the effective limit: at 1 the kernel has nothing left to take but what is "
                    + "in use.",
                workingSet, per: effectiveLimit
            ),
            CgroupMetric(
                "container_memory_rss", .gauge,
                "Anonymous memory and swap cache in bytes; what is shared or mapped from files is not in it.",
                v2: ["memory.stat: anon"], v1: ["memory.stat: total_rss"]
            ),
            CgroupMetric(
                "container_memory_cache", .gauge,
                "Page cache in bytes, tmpfs and shared memory included.",
                v2: ["memory.stat: file"], v1: ["memory.stat: total_cache"]
            ),
            CgroupMetric(
                "container_memory_mapped_file", .gauge,
                "Page cache that is mapped into processes, in bytes.",
                v2: ["memory.stat: file_mapped"], v1: ["memory.stat: total_mapped_file"]
            ),
            CgroupMetric(
                "container_memory_swap", .gauge,
                "Swap in use, in bytes; absent where the kernel does not account for it.",
                v2: ["memory.swap.current"], v1: ["memory.stat: total_swap"],
                top: [.kibibytes("meminfo: SwapTotal:", less: "meminfo: SwapFree:")]
            ),
            CgroupMetric(
                "container_memory_zswap_bytes", .gauge,
                "Memory that holds compressed swap.",
                v2: ["memory.stat: zswap"],
                versions: "Linux 5.19+ on v2"
            ),
            CgroupMetric(
                "container_memory_zswapped_bytes", .gauge,
                "Memory that was swapped out to compressed memory, by its size before.",
                v2: ["memory.stat: zswapped"],
                versions: "Linux 5.19+ on v2"
            ),
            // `kernel` since Linux 5.18. What it was made of before does not include `sock`.
            CgroupMetric(
                "container_memory_kernel_usage", .gauge,
                "Memory that the kernel allocated on behalf of the processes, in bytes.",
                v2: [
                    "memory.stat: kernel",
                    .plain(
                        "memory.stat: kernel_stack", "memory.stat: pagetables", "memory.stat: percpu",
                        "memory.stat: vmalloc", "memory.stat: slab"
                    ),
                ],
                v1: ["memory.kmem.usage_in_bytes"]
            ),
            CgroupMetric(
                "container_memory_kernel_stack_bytes", .gauge,
                "Kernel memory for the stacks of threads.",
                v2: ["memory.stat: kernel_stack"]
            ),
            CgroupMetric(
                "container_memory_pagetables_bytes", .gauge,
                "Kernel memory for page tables.",
                v2: ["memory.stat: pagetables"],
                versions: "Linux 5.12+ on v2"
            ),
            CgroupMetric(
                "container_memory_slab_reclaimable_bytes", .gauge,
                "Kernel memory for caches, of directory entries and inodes most of it, that is given back on demand.",
                v2: ["memory.stat: slab_reclaimable"]
            ),
            CgroupMetric(
                "container_memory_slab_unreclaimable_bytes", .gauge,
                "Kernel memory for objects that cannot be given back.",
                v2: ["memory.stat: slab_unreclaimable"]
            ),
            CgroupMetric(
                "container_memory_sock_bytes", .gauge,
                "Memory for the buffers of network sockets.",
                v2: ["memory.stat: sock"]
            ),
            CgroupMetric(
                "container_memory_shmem_bytes", .gauge,
                "Shared memory and tmpfs, which is in the page cache but can only be swapped out.",
                v2: ["memory.stat: shmem"], v1: ["memory.stat: total_shmem"]
            ),
            CgroupMetric(
                "container_memory_unevictable_bytes", .gauge,
                "Memory that is locked and cannot be reclaimed.",
                v2: ["memory.stat: unevictable"], v1: ["memory.stat: total_unevictable"]
            ),
            CgroupMetric(
                "container_memory_anon_thp_bytes", .gauge,
                "Anonymous memory in transparent huge pages.",
                v2: ["memory.stat: anon_thp"], v1: ["memory.stat: total_rss_huge"]
            ),
            CgroupMetric(
                "container_memory_failcnt", .counter,
                "How often memory in use met its limit.",
                v2: ["memory.events: max"], v1: ["memory.failcnt"]
            ),
            CgroupMetric(
                "container_memory_total_active_file_bytes", .gauge,
                "Page cache that was touched lately.",
                v2: ["memory.stat: active_file"], v1: ["memory.stat: total_active_file"]
            ),
            CgroupMetric(
                "container_memory_total_inactive_file_bytes", .gauge,
                "Page cache that was not touched for long.",
                v2: ["memory.stat: inactive_file"], v1: ["memory.stat: total_inactive_file"]
            ),
            CgroupMetric(
                "container_memory_file_dirty_bytes", .gauge,
                "Page cache that has yet to be written to disk.",
                v2: ["memory.stat: file_dirty"], v1: ["memory.stat: total_dirty"]
            ),
            CgroupMetric(
                "container_memory_file_writeback_bytes", .gauge,
                "Page cache that is being written to disk.",
                v2: ["memory.stat: file_writeback"], v1: ["memory.stat: total_writeback"]
            ),
            pageFaults("pgfault", scope: "container", v2: "memory.stat: pgfault", v1: "memory.stat: pgfault"),
            pageFaults("pgfault", scope: "hierarchy", v2: "memory.stat: pgfault", v1: "memory.stat: total_pgfault"),
            pageFaults("pgmajfault", scope: "container", v2: "memory.stat: pgmajfault", v1: "memory.stat: pgmajfault"),
            pageFaults(
                "pgmajfault", scope: "hierarchy", v2: "memory.stat: pgmajfault", v1: "memory.stat: total_pgmajfault"
            ),
            CgroupMetric(
                "container_memory_pgscan_total", .counter,
                "Pages that were looked at for reclaim.",
                v2: ["memory.stat: pgscan"]
            ),
            CgroupMetric(
                "container_memory_pgsteal_total", .counter,
                "Pages that were reclaimed.",
                v2: ["memory.stat: pgsteal"]
            ),
            CgroupMetric(
                "container_memory_workingset_refault_file_total", .counter,
                "Page cache pages that were needed again soon after they had been reclaimed.",
                v2: ["memory.stat: workingset_refault_file"], v1: ["memory.stat: total_workingset_refault_file"],
                versions: "Linux 5.9+"
            ),
            CgroupMetric(
                "container_memory_workingset_refault_anon_total", .counter,
                "Anonymous pages that were needed again soon after they had been reclaimed.",
                v2: ["memory.stat: workingset_refault_anon"], v1: ["memory.stat: total_workingset_refault_anon"],
                versions: "Linux 5.9+"
            ),
            CgroupMetric(
                "container_memory_pswpin_total", .counter,
                "Pages that were swapped in.",
                v2: ["memory.stat: pswpin"],
                versions: "Linux 6.13+ on v2"
            ),
            CgroupMetric(
                "container_memory_pswpout_total", .counter,
                "Pages that were swapped out.",
                v2: ["memory.stat: pswpout"],
                versions: "Linux 6.13+ on v2"
            ),
            CgroupMetric(
                "container_memory_events_low_total", .counter,
                "How often memory was reclaimed although no more than memory.low was in use: too much is promised.",
                v2: ["memory.events: low"]
            ),
            CgroupMetric(
                "container_memory_events_high_total", .counter,
                "How often processes were made to reclaim memory because memory.high was exceeded.",
                v2: ["memory.events: high"]
            ),
            CgroupMetric(
                "container_memory_events_max_total", .counter,
                "How often memory in use was about to exceed memory.max.",
                v2: ["memory.events: max"]
            ),
            CgroupMetric(
                "container_memory_events_oom_total", .counter,
                "How often an allocation was about to fail because of the limit, whether or not a process was ended.",
                v2: ["memory.events: oom"]
            ),
            CgroupMetric(
                "container_memory_events_oom_group_kill_total", .counter,
                "How often all processes of a cgroup were ended together because of memory.oom.group.",
                v2: ["memory.events: oom_group_kill"],
                versions: "Linux 5.17+ on v2"
            ),
            // v2 counts what happens below the cgroup too, v1 only its own.
            CgroupMetric(
                "container_oom_events_total", .counter,
                "Processes that the kernel's OOM killer ended.",
                v2: ["memory.events: oom_kill"], v1: ["memory.oom_control: oom_kill"],
                versions: "Linux 4.13+ on v1"
            ),
            CgroupMetric(
                "container_spec_memory_limit_bytes", .gauge,
                "The memory limit; 0 for none, the machine's memory for the top cgroup.",
                v2: [.limit("memory.max")], v1: [.limit("memory.limit_in_bytes")],
                top: [.kibibytes("meminfo: MemTotal:")]
            ),
            CgroupMetric(
                "container_spec_memory_swap_limit_bytes", .gauge,
                "The limit of swap on cgroup v2, of memory and swap together on v1; 0 for none.",
                v2: [.limit("memory.swap.max")], v1: [.limit("memory.memsw.limit_in_bytes")],
                top: [.kibibytes("meminfo: SwapTotal:")]
            ),
            CgroupMetric(
                "container_spec_memory_high_limit_bytes", .gauge,
                "Memory beyond which processes are slowed down to reclaim some; 0 for none.",
                v2: [.limit("memory.high")]
            ),
            // Docker, Podman and systemd write a reservation to memory.low, Kubernetes to memory.min.
            CgroupMetric(
                "container_spec_memory_reservation_limit_bytes", .gauge,
                "Memory that is spared while others have some to give; 0 for none.",
                v2: [.limit("memory.low"), .limit("memory.min")], v1: [.limit("memory.soft_limit_in_bytes")]
            ),
        ]
    )

    private static let workingSet = CgroupColumns(
        v2: [
            .plain("memory.current", less: "memory.stat: inactive_file"),
            .plain("memory.stat: anon", "memory.stat: file", less: "memory.stat: inactive_file"),
        ],
        v1: [.plain("memory.usage_in_bytes", less: "memory.stat: total_inactive_file")])

    private static let effectiveLimit = CgroupColumns(
        v2: [.bound("memory.max")], v1: [.bound("memory.limit_in_bytes")], top: [.kibibytes("meminfo: MemTotal:")],
        rule: .leastOfPath)

    private static func pageFaults(_ type: String, scope: String, v2: CgroupSource, v1: CgroupSource) -> CgroupMetric {
        CgroupMetric(
            "container_memory_failures_total", .counter,
            "Page faults, and those that had to wait for a disk (pgmajfault).",
            labels: [("failure_type", type), ("scope", scope)],
            v2: [v2], v1: [v1]
        )
    }
}
