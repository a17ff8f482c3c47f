import Exposition

extension HostCollectors {
    /// CPU time by CPU and mode, in hundredths of a second (USER_HZ, which is 100 on every architecture Linux and Swift
    /// share).
    ///
    /// Idle and I/O wait time are estimates that step back at times (proc(5)), as steal time does after a live
    /// migration; three seconds is node_exporter's limit. A CPU that was offline may begin anew, and does so here mode by mode.
    static let cpu = HostRows(
        "node_cpu", .proc("stat"), label: "cpu", nameWord: 0, prefix: "cpu", tolerance: 3,
        ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"].map { mode in
            HostColumn(
                "node_cpu_seconds_total", .counter, "CPU time that went by in each mode", label: ("mode", mode),
                divisor: 100)
        }
            + ["user", "nice"].map { mode in
                HostColumn(
                    "node_cpu_guest_seconds_total", .counter,
                    "CPU time that virtual machines had, which the modes user and nice count too",
                    label: ("mode", mode), divisor: 100)
            })

    /// What `/proc/stat` counts beside CPU time.
    static let stat = HostScalars(
        "node_stat",
        [
            HostScalar(
                "node_boot_time_seconds", .gauge, "When the machine was started, in seconds since 1970", .proc("stat"),
                key: "btime", word: 1),
            HostScalar(
                "node_context_switches_total", .counter, "Switches from one thread to another", .proc("stat"),
                key: "ctxt", word: 1),
            HostScalar(
                "node_intr_total", .counter, "Interrupts that were served", .proc("stat"), key: "intr", word: 1),
            HostScalar(
                "node_forks_total", .counter, "Processes and threads that were started", .proc("stat"),
                key: "processes", word: 1),
            HostScalar(
                "node_procs_running", .gauge, "Threads that run or could run", .proc("stat"), key: "procs_running",
                word: 1),
            HostScalar(
                "node_procs_blocked", .gauge, "Threads that wait for a disk", .proc("stat"), key: "procs_blocked",
                word: 1),
        ])

    /// Threads that run, could run or wait for a disk.
    static let load = HostScalars(
        "node_loadavg",
        [("1", "a minute"), ("5", "5 minutes"), ("15", "15 minutes")].enumerated().map { word, load in
            HostScalar(
                "node_load\(load.0)", .gauge,
                "Threads that run, could run or wait for a disk, averaged over \(load.1)", .proc("loadavg"), word: word)
        })
}
