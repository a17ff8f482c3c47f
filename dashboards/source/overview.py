"""One screen for whoever is woken: what is down, what fires, and where it hurts."""

from expressions import named
from pages import group, page
from panels import UP, figure, graph, rows, see, states
from thresholds import GREEN, ORANGE, RED, above, below, steps

ALL = "sum(rate(http_requests_total{HERE}[$__rate_interval]))"
DURATIONS = "sum by (le) (rate(http_request_duration_seconds_bucket{HERE}[$__rate_interval]))"
FIRING = 'ALERTS{alertstate="firing"}'
# Containers, and services and slices with a limit of their own: what else has others within is left out.
MEMORY = """
    container_memory_working_set_ratio{HERE,name!=""}
    or (container_memory_working_set_ratio{HERE,id!="/"} and container_spec_memory_limit_bytes > 0)
"""
CPU = """
    sum without (cpu) (rate(container_cpu_usage_seconds_total{HERE,id!="/"}[$__rate_interval]))
    / (container_cpu_limit_effective_cores > 0)
    and (container_cpu_limit_effective_cores{name!=""} or container_spec_cpu_quota)
"""
THROTTLED = """
    rate(container_cpu_cfs_throttled_periods_total{HERE,id!="/"}[$__rate_interval])
    / (rate(container_cpu_cfs_periods_total[$__rate_interval]) > 0)
"""
SERVER = "{{target}} {{instance}}"
CONTAINER = "{{who}} {{instance}}"


def worst(containers: str) -> str:
    return f"topk(5, max by (instance, who) ({named(containers)}))"


PAGE = page(
    "overview",
    "Stack overview",
    "One screen for whoever is woken: what is down, what fires, and where it hurts. The other dashboards have the "
    "rest.",
    "up",
    group(
        "",
        states(
            "Up and down",
            "What Prometheus reaches, and what the exporter reaches. If an exporter is down nothing is known of its "
            "servers.",
            ("min by (job, instance) (up{HERE})", "{{job}} {{instance}}"),
            ("min by (instance, target) (pg_up{TARGET})", "PostgreSQL {{target}} {{instance}}"),
            ("min by (instance, target) (pgbouncer_up{TARGET})", "PgBouncer {{target}} {{instance}}"),
            ("min by (instance, target) (redis_up{TARGET})", "Redis {{target}} {{instance}}"),
            mappings=UP,
            width=9,
            height=6,
            runbook="requests#TargetDown",
        ),
        figure(
            "Alerts",
            "Alerts that fire now. Those in red are for somebody to see to at once.",
            ('count(ALERTS{alertstate="firing",severity="critical"}) or vector(0)', "critical"),
            ('count(ALERTS{alertstate="firing",severity="warning"}) or vector(0)', "warning"),
            thresholds=steps(GREEN, (1, RED)),
            special={"warning": steps(GREEN, (1, ORANGE))},
            width=3,
            height=6,
        ),
        rows(
            "Alerts that fire",
            "What is wrong, where, and since when. Every alert has a section in docker/runbooks that says what to do.",
            {"severity": "Severity", "alertname": "Alert", "instance": "Instance", "target": "Target", "on": "On"},
            {
                "Since": (
                    "max by (severity, alertname, instance, target, on) (label_join("
                    f"ALERTS_FOR_STATE and ignoring (alertstate) {FIRING}, "
                    '"on", " ", "name", "queue", "datname", "mountpoint", "collector", "handler")) * 1000',
                    "dateTimeFromNow",
                ),
            },
            sort="Severity",
            ascending=True,
            width=12,
            height=6,
        ),
    ),
    group(
        "",
        see(
            graph(
                "Requests",
                "Requests a second, by service. If they halve without a reason clients no longer come through.",
                ("sum by (job) (rate(http_requests_total{HERE}[$__rate_interval]))", "{{job}}"),
                unit="reqps",
                width=6,
                height=5,
                runbook="requests#TrafficHalved",
            ),
            "requests",
            "Requests",
        ),
        see(
            graph(
                "Errors",
                "Answers with a status of 5xx as part of all, by service.",
                (
                    '(sum by (job) (rate(http_requests_total{HERE,status=~"5.."}[$__rate_interval])) '
                    "or 0 * sum by (job) (rate(http_requests_total{HERE}[$__rate_interval]))) "
                    "/ (sum by (job) (rate(http_requests_total{HERE}[$__rate_interval])) > 0)",
                    "{{job}}",
                ),
                unit="percentunit",
                thresholds=above("RequestErrors"),
                width=6,
                height=5,
                runbook="requests#RequestErrors",
            ),
            "requests",
            "Requests",
        ),
        see(
            graph(
                "Durations",
                "Within what time half, 95 and 99 of 100 requests were answered, of all services together.",
                *(
                    (f"histogram_quantile({value}, {DURATIONS}) >= 0", name)
                    for value, name in [(0.5, "p50"), (0.95, "p95"), (0.99, "p99")]
                ),
                unit="s",
                thresholds=above("RequestLatency"),
                width=6,
                height=5,
                runbook="requests#RequestLatency",
            ),
            "requests",
            "Requests",
        ),
        see(
            graph(
                "PostgreSQL connections",
                "Sessions of clients as part of max_connections. When all are taken nobody gets in, the exporter "
                "included.",
                (
                    'sum by (instance, target) (pg_stat_activity_count{TARGET,backend_type=~"client backend|"}) '
                    "/ on (instance, target) max by (instance, target) (pg_settings_max_connections{TARGET})",
                    SERVER,
                ),
                unit="percentunit",
                thresholds=above("PostgresConnections"),
                width=6,
                height=5,
                runbook="postgres#PostgresConnections",
            ),
            "postgres",
            "PostgreSQL",
        ),
        see(
            graph(
                "Redis hit rate",
                "Look-ups that found their key. A low one is a cache that is too small, was emptied, or holds the "
                "wrong things.",
                ("max by (instance, target) (redis_keyspace_hit_ratio{TARGET})", SERVER),
                unit="percentunit",
                maximum=1,
                thresholds=below("RedisHitRate"),
                width=6,
                height=5,
                runbook="redis#RedisHitRate",
            ),
            "redis",
            "Redis and queues",
        ),
        see(
            graph(
                "Jobs that wait",
                "The longest queues. One that grows has too few workers, or workers that wait for something else.",
                (
                    'topk(5, sum by (instance, target, system, queue) (queue_depth{TARGET,state="waiting"}))',
                    "{{target}} {{system}} {{queue}}",
                ),
                thresholds=above("QueueDepth"),
                width=6,
                height=5,
                runbook="queues#QueueDepth",
            ),
            "redis",
            "Redis and queues",
        ),
        see(
            graph(
                "Oldest job",
                "How long the oldest job of a queue has waited.",
                (
                    "topk(5, max by (instance, target, system, queue) (queue_oldest_age_seconds{TARGET}))",
                    "{{target}} {{system}} {{queue}}",
                ),
                unit="s",
                thresholds=above("QueueAge"),
                width=6,
                height=5,
                runbook="queues#QueueAge",
            ),
            "redis",
            "Redis and queues",
        ),
        see(
            graph(
                "CPU",
                "CPU time as part of what may be used: the machine's, and that of the containers nearest to their "
                "limit.",
                (
                    '1 - avg by (instance) (rate(node_cpu_seconds_total{HERE,mode="idle"}[$__rate_interval]))',
                    "machine {{instance}}",
                ),
                (worst(CPU), CONTAINER),
                unit="percentunit",
                thresholds=above("ContainerCpu"),
                width=6,
                height=5,
                runbook="containers#ContainerCpu",
            ),
            "containers",
            "Containers and host",
        ),
        see(
            graph(
                "Memory against limit",
                "Memory that cannot be given back as part of the limit: at 100 % processes are killed.",
                (
                    "1 - max by (instance) (node_memory_MemAvailable_bytes{HERE} / node_memory_MemTotal_bytes)",
                    "machine {{instance}}",
                ),
                (worst(MEMORY), CONTAINER),
                unit="percentunit",
                thresholds=above("ContainerMemory"),
                width=6,
                height=5,
                runbook="containers#ContainerMemory",
            ),
            "containers",
            "Containers and host",
        ),
        see(
            graph(
                "Throttled",
                "Periods in which a container had to wait for CPU time because of its limit, as part of all.",
                (worst(THROTTLED), CONTAINER),
                unit="percentunit",
                thresholds=above("ContainerThrottled"),
                width=6,
                height=5,
                runbook="containers#ContainerThrottled",
            ),
            "containers",
            "Containers and host",
        ),
        see(
            graph(
                "Restarts in the last hour",
                "Containers that the engine started again, and servers that were started.",
                (f"{worst('increase(container_restarts_total{HERE}[1h])')} > 0", CONTAINER),
                (
                    "sum by (instance, target) (changes(pg_postmaster_start_time_seconds{TARGET}[1h]))",
                    "PostgreSQL {{target}} {{instance}}",
                ),
                (
                    "sum by (instance, target) (resets(redis_uptime_in_seconds{TARGET}[1h]))",
                    "Redis {{target}} {{instance}}",
                ),
                width=6,
                height=5,
                decimals=0,
                runbook="containers#ContainerRestarts",
            ),
            "containers",
            "Containers and host",
        ),
        see(
            graph(
                "Free disk space",
                "The fullest file systems.",
                (
                    "bottomk(5, min by (instance, mountpoint) ("
                    'node_filesystem_avail_bytes{HERE,fstype!~"tmpfs|ramfs|squashfs|iso9660|erofs"} '
                    "/ (node_filesystem_size_bytes > 0) unless node_filesystem_readonly == 1))",
                    "{{mountpoint}} {{instance}}",
                ),
                unit="percentunit",
                thresholds=below("HostDisk"),
                width=6,
                height=5,
                runbook="host#HostDisk",
            ),
            "containers",
            "Containers and host",
        ),
    ),
    # One server alone has no label target, which the exporter's own metrics always have.
    targets='{__name__=~"pg_up|pgbouncer_up|redis_up",HERE}',
)
