"""Containers, services and the machines that they run on."""

from expressions import named
from pages import group, page, variable
from panels import figure, graph, rows
from thresholds import GREEN, RED, above, below, minimum, steps

CHOSEN = 'HERE,name=~"$container"'

# Containers have a name; services, slices and pods have none. Of these those are shown that hold nothing else that is
# on the page: the others' figures are the sums of what is in them. What has ended has no start any more.
PARENTS = " or ".join(
    f'label_replace(container_start_time_seconds{{HERE,id=~"/.+/.+"}}, "id", "$1", "id", "{part}")'
    for part in ("(/[^/]+)/.+", "(/.+)/[^/]+")
)
SHOWN = f"""
    container_start_time_seconds{{HERE,name!=""}} or container_start_time_seconds{{HERE,name="",id!="/"}}
    unless on (job, instance, id) ({PARENTS})
"""


def each(text: str, by: str = "") -> str:
    """A figure of everything that is shown, by the machine and by what it is."""
    return f"sum by (instance, who{by}) ({named(f'({text}) and on (job, instance, id) ({SHOWN})')})"


def limited(text: str, limit: str) -> str:
    """A figure of containers, and of services and slices that have a limit of their own, as the alerts have it."""
    return f"max by (instance, who) ({named(f'''({text}) and on (job, instance, id) ({limit})''')})"


def memory_ratio(of: str = CHOSEN) -> str:
    return limited(
        f'container_memory_working_set_ratio{{{of},id!="/"}}',
        'container_memory_working_set_ratio{HERE,name!=""} or container_spec_memory_limit_bytes{HERE,id!="/"} > 0',
    )


def cpu_ratio(window: str, of: str = CHOSEN) -> str:
    return limited(
        f'sum without (cpu) (rate(container_cpu_usage_seconds_total{{{of},id!="/"}}[{window}])) '
        f"/ (container_cpu_limit_effective_cores{{{of}}} > 0)",
        'container_cpu_limit_effective_cores{HERE,name!=""} or container_spec_cpu_quota{HERE}',
    )


def throttled(window: str, of: str = CHOSEN) -> str:
    return (
        "max by (instance, who) ("
        + named(
            f'rate(container_cpu_cfs_throttled_periods_total{{{of},id!="/"}}[{window}]) '
            f"/ (rate(container_cpu_cfs_periods_total{{{of}}}[{window}]) > 0) "
            f"and container_cpu_cfs_periods_total{{{of}}}"
        )
        + ")"
    )


def growth() -> str:
    """As the alert has it: the least of the last hour against the most of an hour five hours ago."""
    rss = f'container_memory_rss{{{CHOSEN},id!="/"}}'
    return limited(
        f"min_over_time({rss}[1h]) / (max_over_time({rss}[1h] offset 5h) > 0) - 1 "
        f"and {rss} > {minimum('ContainerMemoryGrows')}",
        'container_memory_rss{HERE,name!=""} or container_spec_memory_limit_bytes{HERE} > 0',
    )


WHAT = "{{who}} {{instance}}"
DISKS = 'HERE,fstype!~"tmpfs|ramfs|squashfs|iso9660|erofs"'
WRITABLE = "unless node_filesystem_readonly{HERE} == 1"
DEVICES = 'HERE,device!~"lo|veth.*|br-.*|docker.*|cni.*|cali.*|flannel.*|ifb.*|virbr.*"'
BLOCK = 'HERE,device!~"(loop|ram|zram|sr|fd)[0-9]*"'
RATE = "[$__rate_interval]"

DISK_FREE = f"node_filesystem_avail_bytes{{{DISKS}}} / (node_filesystem_size_bytes{{{DISKS}}} > 0) {WRITABLE}"
HOST_CPU = '1 - avg without (cpu, mode) (rate(node_cpu_seconds_total{HERE,mode="idle"}[%s]))'
HOST_MEMORY = "node_memory_MemAvailable_bytes{HERE} / (node_memory_MemTotal_bytes{HERE} > 0)"


def counted(metric: str, by: str = "") -> str:
    """A counter by its rate, of the ten containers where it grew most in the time looked at."""
    now, chosen = (
        each(f"rate({metric}{{{CHOSEN}}}[{window})", by) for window in ("$__rate_interval]", "$__range] @ end()")
    )
    return f"{now} and topk(10, {chosen})"


def measured(metric: str) -> str:
    """A gauge, of the ten containers where it was highest in the time looked at."""
    highest = each(f"max_over_time({metric}{{{CHOSEN}}}[$__range] @ end())")
    return f"{each(f'{metric}{{{CHOSEN}}}')} and topk(10, {highest})"


def started() -> str:
    return f'container_start_time_seconds{{{CHOSEN},id!="/"}}'


PAGE = page(
    "containers",
    "Containers and host",
    "Whether containers and services have the CPU, the memory and the disk that they need, and the machines have it to "
    "give.",
    "machine_cpu_cores",
    group(
        "",
        figure(
            "Memory",
            "The fullest container: its working set as part of what it may use. At 100 % processes are killed.",
            (f"max({memory_ratio()})", ""),
            width=3,
            unit="percentunit",
            thresholds=above("ContainerMemory"),
            maximum=1,
            none="no container",
            runbook="containers#ContainerMemory",
        ),
        figure(
            "CPU",
            "The busiest container over 5 minutes: CPU time as part of what it may use.",
            (f"max({cpu_ratio('5m')})", ""),
            width=3,
            unit="percentunit",
            thresholds=above("ContainerCpu"),
            none="no container",
            runbook="containers#ContainerCpu",
        ),
        figure(
            "Throttled",
            "The container that had to wait for CPU time most, over 5 minutes: periods in which its quota was used up, "
            "as part of all. Raise its CPU limit.",
            (f"max({throttled('5m')})", ""),
            width=3,
            unit="percentunit",
            thresholds=above("ContainerThrottled"),
            maximum=1,
            none="no quota",
            runbook="containers#ContainerThrottled",
        ),
        figure(
            "Restarts",
            "Restarts by the engine in 15 minutes, of the container with the most. Its log says why it ends: docker "
            "logs --tail 50 NAME.",
            (f"max(increase(container_restarts_total{{{CHOSEN}}}[15m]))", ""),
            width=3,
            thresholds=above("ContainerRestarts"),
            decimals=0,
            none="not told",
            runbook="containers#ContainerRestarts",
        ),
        figure(
            "OOM kills",
            "Processes that the kernel ended in 10 minutes for want of memory, in containers or outside.",
            (
                "sum(increase(node_vmstat_oom_kill{HERE}[10m])) "
                'or sum(increase(container_oom_events_total{HERE,name!=""}[10m])) or vector(0)',
                "",
            ),
            width=3,
            thresholds=steps(GREEN, (0.5, RED)),
            decimals=0,
            runbook="host#HostOomKill",
        ),
        figure(
            "Host CPU",
            "CPU time that is not idle, of the busiest machine, over 5 minutes.",
            (f"max({HOST_CPU % '5m'})", ""),
            width=3,
            unit="percentunit",
            thresholds=above("HostCpu"),
            maximum=1,
            runbook="host#HostCpu",
        ),
        figure(
            "Host memory free",
            "Memory that can be had without swapping, of the machine that has the least.",
            (f"min({HOST_MEMORY})", ""),
            width=3,
            unit="percentunit",
            thresholds=below("HostMemory"),
            maximum=1,
            runbook="host#HostMemory",
        ),
        figure(
            "Disk free",
            "Free space of the fullest file system.",
            (f"min({DISK_FREE})", ""),
            width=3,
            unit="percentunit",
            thresholds=below("HostDisk"),
            maximum=1,
            runbook="host#HostDisk",
        ),
    ),
    group(
        "Containers and services",
        rows(
            "All of them",
            "State, health and restarts are there where the exporter reaches the engine's socket. CPU is in cores, "
            "over 5 minutes. Growth is that of memory without page cache in 6 hours, or since the start if that was "
            "later.",
            {"instance": "Instance", "who": "Container"},
            {
                "state": (
                    f"max by (instance, who, state) ({named(f'container_state{{{CHOSEN}}} == 1')})",
                    None,
                    "State",
                ),
                "Health": (
                    named(f"container_health_state{{{CHOSEN}}}"),
                    "short",
                    {0: ("not healthy", RED), 1: ("healthy", GREEN), -1: ("no check", "text")},
                ),
                "Running for": (f"time() - {each(f'container_start_time_seconds{{{CHOSEN}}}')}", "s"),
                "CPU": (each(f"rate(container_cpu_usage_seconds_total{{{CHOSEN}}}[5m])"), "short"),
                "CPU of limit": (cpu_ratio("5m"), "percentunit", above("ContainerCpu")),
                "Throttled": (throttled("5m"), "percentunit", above("ContainerThrottled")),
                "Memory": (each(f"container_memory_working_set_bytes{{{CHOSEN}}}"), "bytes"),
                "Limit": (each(f"container_spec_memory_limit_bytes{{{CHOSEN}}} > 0"), "bytes"),
                "Memory of limit": (memory_ratio(), "percentunit", above("ContainerMemory")),
                "Growth": (each(f"delta(container_memory_rss{{{CHOSEN}}}[6h])"), "bytes"),
                "Restarts": (named(f"container_restarts_total{{{CHOSEN}}}"), "short"),
                "Threads": (each(f"container_threads{{{CHOSEN}}}"), "short"),
            },
            sort="Memory",
            height=10,
            runbook="containers#ContainerMemory",
        ),
        graph(
            "CPU",
            "CPU time a second, in cores, of the ten busiest.",
            (counted("container_cpu_usage_seconds_total"), WHAT),
        ),
        graph(
            "CPU against limit",
            "CPU time as part of what may be used: a quota, a CPU set, those of the parents, or the whole machine. "
            "Near 100 % everything in the container gets slow.",
            (f"topk(10, {cpu_ratio('$__rate_interval')})", WHAT),
            unit="percentunit",
            thresholds=above("ContainerCpu"),
            runbook="containers#ContainerCpu",
        ),
        graph(
            "Throttled",
            "Periods in which the CPU quota was used up and processes had to wait, as part of all. It makes answers "
            "slow even where the mean CPU time is low: raise the CPU limit, or run fewer threads.",
            (f"topk(10, {throttled('$__rate_interval')})", WHAT),
            unit="percentunit",
            thresholds=above("ContainerThrottled"),
            maximum=1,
            runbook="containers#ContainerThrottled",
        ),
        graph(
            "Memory",
            "The working set: memory in use without the page cache that goes first. It is what the limit is about.",
            (measured("container_memory_working_set_bytes"), WHAT),
            unit="bytes",
        ),
        graph(
            "Memory against limit",
            "The working set as part of what may be used: the limit, those of the parents, or the machine's memory. At "
            "100 % processes are killed: raise the limit before, or restart what leaks.",
            (f"topk(10, {memory_ratio()})", WHAT),
            unit="percentunit",
            thresholds=above("ContainerMemory"),
            maximum=1,
            runbook="containers#ContainerMemory",
        ),
        graph(
            "Growth in 6 hours",
            "How much the least memory of the last hour is above the most of an hour five hours before, without page "
            "cache. A leak goes on and on: compare with Memory over a day. Needs six hours of data, and 64 MiB in use.",
            (f"topk(10, {growth()})", WHAT),
            unit="percentunit",
            minimum=None,
            thresholds=above("ContainerMemoryGrows"),
            runbook="containers#ContainerMemoryGrows",
        ),
        graph(
            "OOM kills",
            "Processes that the kernel ended in 10 minutes for want of memory. Of containers started again for that, "
            "their engine tells. Raise the limit, or find the leak.",
            (
                "topk(5, sum by (instance, who) ("
                + named(f'increase(container_oom_events_total{{{CHOSEN},name!=""}}[10m])')
                + "))",
                WHAT,
            ),
            (
                "topk(5, max by (instance, who) ("
                + named(f"container_oom_killed{{{CHOSEN}}} * increase(container_restarts_total{{{CHOSEN}}}[10m])")
                + "))",
                f"{WHAT} (started again)",
            ),
            ("sum by (instance) (increase(node_vmstat_oom_kill{HERE}[10m]))", "whole machine {{instance}}"),
            decimals=0,
            runbook="containers#ContainerOomKill",
        ),
        graph(
            "Restarts",
            "Restarts by the engine in 15 minutes. docker logs --tail 50 NAME says why a container ends.",
            (
                f"topk(10, max by (instance, who) ({named(f'increase(container_restarts_total{{{CHOSEN}}}[15m])')}))",
                WHAT,
            ),
            thresholds=above("ContainerRestarts"),
            decimals=0,
            runbook="containers#ContainerRestarts",
        ),
        graph(
            "Threads",
            "Threads of all processes, which is what the limit of pids counts. If it only grows, processes are started "
            "and not waited for; at the limit no more can be started.",
            (measured("container_threads"), WHAT),
        ),
    ),
    group(
        "What containers wait for (PSI)",
        *(
            graph(
                title,
                f"{text} Needs Linux 4.20 with PSI (psi=1), and cgroup v2 or one beside v1.",
                (counted(f"container_pressure_{resource}_waiting_seconds_total"), WHAT),
                unit="percentunit",
            )
            for resource, title, text in (
                (
                    "cpu",
                    "Waiting for CPU",
                    "Time in which some process was ready to run and had no CPU: by its quota, or since the machine is "
                    "busy.",
                ),
                (
                    "memory",
                    "Waiting for memory",
                    "Time in which some process waited for memory to be freed or read back. Anything above a few "
                    "percent is near the limit, before processes are killed.",
                ),
                (
                    "io",
                    "Waiting for disks",
                    "Time in which some process waited for a disk. Block I/O below says who keeps the disk busy.",
                ),
            )
        ),
    ),
    group(
        "Network and block I/O of containers",
        graph(
            "Received",
            "Bytes a second over all interfaces. Containers in the host's network are counted with the host.",
            (counted("container_network_receive_bytes_total"), WHAT),
            unit="Bps",
            width=6,
        ),
        graph(
            "Sent",
            "Bytes a second over all interfaces. Containers in the host's network are counted with the host.",
            (counted("container_network_transmit_bytes_total"), WHAT),
            unit="Bps",
            width=6,
        ),
        graph(
            "Block I/O: read",
            "Bytes a second that came from disks and not from the page cache.",
            (counted("container_fs_reads_bytes_total"), WHAT),
            unit="Bps",
            width=6,
        ),
        graph(
            "Block I/O: written",
            "Bytes a second that went to disks. On cgroup v1 what the page cache writes later is not counted.",
            (counted("container_fs_writes_bytes_total"), WHAT),
            unit="Bps",
            width=6,
        ),
    ),
    group(
        "Host",
        graph(
            "CPU",
            "CPU time that is not idle, and of that what waits for disks (iowait) or was given to other virtual "
            "machines (steal): much of it is the provider's to mend.",
            (HOST_CPU % "$__rate_interval", "in use {{instance}}"),
            (
                f'avg by (instance, mode) (rate(node_cpu_seconds_total{{HERE,mode=~"iowait|steal"}}{RATE}))',
                "{{mode}} {{instance}}",
            ),
            unit="percentunit",
            thresholds=above("HostCpu"),
            maximum=1,
            runbook="host#HostCpu",
        ),
        graph(
            "Memory free",
            "Memory that can be had without swapping, as part of all. Below 5 % the kernel begins to kill processes.",
            (HOST_MEMORY, "{{instance}}"),
            unit="percentunit",
            thresholds=below("HostMemory"),
            maximum=1,
            runbook="host#HostMemory",
        ),
        graph(
            "Pressure",
            "Time in which some process waited for a CPU, for memory or for a disk. Memory above a few percent makes "
            "everything slow.",
            (f"rate(node_pressure_cpu_waiting_seconds_total{{HERE}}{RATE})", "CPU {{instance}}"),
            (f"rate(node_pressure_memory_waiting_seconds_total{{HERE}}{RATE})", "memory {{instance}}"),
            (f"rate(node_pressure_io_waiting_seconds_total{{HERE}}{RATE})", "disks {{instance}}"),
            unit="percentunit",
        ),
        rows(
            "File systems",
            "Full in: hours, if it goes on filling up as in the last six; only where there are five hours to go by. "
            "docker system df and du -xh --max-depth=2 MOUNT show what takes the space.",
            {"instance": "Instance", "mountpoint": "Mounted at", "device": "Device", "fstype": "Type"},
            {
                "Size": (f"node_filesystem_size_bytes{{{DISKS}}}", "bytes"),
                "Available": (f"node_filesystem_avail_bytes{{{DISKS}}}", "bytes"),
                "Free": (DISK_FREE, "percentunit", below("HostDisk")),
                "Files free": (
                    f"node_filesystem_files_free{{{DISKS}}} / (node_filesystem_files{{{DISKS}}} > 0) {WRITABLE}",
                    "percentunit",
                    below("HostFiles"),
                ),
                "Full in": (
                    f"(node_filesystem_avail_bytes{{{DISKS}}} "
                    f"/ -(deriv(node_filesystem_avail_bytes{{{DISKS}}}[6h]) < 0) / 3600 {WRITABLE}) < 8760 "
                    f"and node_filesystem_avail_bytes{{{DISKS}}} offset 5h",
                    "h",
                    below("HostDiskFullSoon"),
                ),
                "State": (f"node_filesystem_device_error{{{DISKS}}}", "short", {0: ("ok", GREEN), 1: ("hangs", RED)}),
            },
            width=16,
            height=8,
            runbook="host#HostDisk",
        ),
        graph(
            "Disk free",
            "Free space of the ten fullest file systems. Where it is below 10 %, databases will soon stop.",
            (f"bottomk(10, {DISK_FREE})", "{{mountpoint}} {{instance}}"),
            unit="percentunit",
            thresholds=below("HostDisk"),
            maximum=1,
            runbook="host#HostDisk",
        ),
        graph(
            "Disk traffic",
            "Bytes a second that disks read and write.",
            (f"topk(5, rate(node_disk_read_bytes_total{{{BLOCK}}}{RATE}))", "{{device}} read {{instance}}"),
            (f"topk(5, rate(node_disk_written_bytes_total{{{BLOCK}}}{RATE}))", "{{device}} written {{instance}}"),
            unit="Bps",
        ),
        graph(
            "Disk use",
            "Time in which a disk had something to do. At 100 % a spinning disk is at its end; one of flash, or of "
            "many disks, does several things at a time and may have more to give: see Pressure.",
            (f"topk(10, rate(node_disk_io_time_seconds_total{{{BLOCK}}}{RATE}))", "{{device}} {{instance}}"),
            unit="percentunit",
        ),
        graph(
            "Network",
            "Bytes a second of the machine's own interfaces, without those that only lead to containers.",
            (f"topk(5, rate(node_network_receive_bytes_total{{{DEVICES}}}{RATE}))", "{{device}} received {{instance}}"),
            (f"topk(5, rate(node_network_transmit_bytes_total{{{DEVICES}}}{RATE}))", "{{device}} sent {{instance}}"),
            unit="Bps",
        ),
        graph(
            "Network trouble",
            "Packets a second that were broken or dropped. There should be none: a cable, a driver, or a full queue.",
            (
                f"sum by (instance, device) (rate(node_network_receive_errs_total{{{DEVICES}}}{RATE}) "
                f"+ rate(node_network_transmit_errs_total{{{DEVICES}}}{RATE}))",
                "{{device}} broken {{instance}}",
            ),
            (
                f"sum by (instance, device) (rate(node_network_receive_drop_total{{{DEVICES}}}{RATE}) "
                f"+ rate(node_network_transmit_drop_total{{{DEVICES}}}{RATE}))",
                "{{device}} dropped {{instance}}",
            ),
            unit="pps",
            width=12,
        ),
        graph(
            "TCP connections",
            "Sockets in use, listening ones included; connections that were closed and wait for late packets; those "
            "that no process has any more. Tens of thousands closed ones mean a client that connects for each request.",
            (
                "node_sockstat_TCP_inuse{HERE} + (node_sockstat_TCP6_inuse{HERE} or node_sockstat_TCP_inuse{HERE} * 0)",
                "in use {{instance}}",
            ),
            ("node_sockstat_TCP_tw{HERE}", "closed {{instance}}"),
            ("node_sockstat_TCP_orphan{HERE}", "without a process {{instance}}"),
            width=12,
        ),
    ),
    choices=(variable("container", "Container", 'container_last_seen{HERE,name!=""}', of="name"),),
)
