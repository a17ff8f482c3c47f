"""One screen for whoever is woken: what is down, what fires, and where it hurts."""

from containers import DISK_FREE, HOST_CPU, HOST_MEMORY, cpu_ratio, memory_ratio, throttled
from expressions import named
from pages import group, page
from panels import UP, figure, graph, rows, see, states
from postgres import CONNECTIONS, SERVER
from requests import durations, error_ratio
from thresholds import GREEN, ORANGE, RED, above, below, steps

FIRING = 'ALERTS{alertstate="firing"}'
CONTAINER = "{{who}} {{instance}}"


NAMES = {
    "requests": "Requests",
    "postgres": "PostgreSQL",
    "redis": "Redis and queues",
    "containers": "Containers and host",
}


def small(uid: str, *panel, **settings):
    """A graph that leads to the dashboard that has more of it."""
    return see(graph(*panel, width=6, height=5, **settings), uid, NAMES[uid])


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
        small(
            "requests",
            "Requests",
            "Requests a second, by service. If they halve without a reason clients no longer come through.",
            ("sum by (job) (rate(http_requests_total{HERE}[$__rate_interval]))", "{{job}}"),
            unit="reqps",
            runbook="requests#TrafficHalved",
        ),
        small(
            "requests",
            "Errors",
            "Answers with a status of 5xx as part of all, by service.",
            (error_ratio("job", of="HERE"), "{{job}}"),
            unit="percentunit",
            thresholds=above("RequestErrors"),
            runbook="requests#RequestErrors",
        ),
        small(
            "requests",
            "Durations",
            "Within what time half, 95 and 99 of 100 requests were answered, of all services together.",
            *durations("HERE"),
            unit="s",
            thresholds=above("RequestLatency"),
            runbook="requests#RequestLatency",
        ),
        small(
            "postgres",
            "PostgreSQL connections",
            "Sessions of clients as part of max_connections. When all are taken nobody gets in, the exporter included.",
            (CONNECTIONS, SERVER),
            unit="percentunit",
            thresholds=above("PostgresConnections"),
            runbook="postgres#PostgresConnections",
        ),
        small(
            "redis",
            "Redis hit rate",
            "Look-ups that found their key. A low one is a cache that is too small, was emptied, or holds the "
            "wrong things.",
            ("max by (instance, target) (redis_keyspace_hit_ratio{TARGET})", SERVER),
            unit="percentunit",
            maximum=1,
            thresholds=below("RedisHitRate"),
            runbook="redis#RedisHitRate",
        ),
        small(
            "redis",
            "Jobs that wait",
            "The longest queues. One that grows has too few workers, or workers that wait for something else.",
            (
                'topk(5, sum by (instance, target, system, queue) (queue_depth{TARGET,state="waiting"}))',
                "{{target}} {{system}} {{queue}}",
            ),
            thresholds=above("QueueDepth"),
            runbook="queues#QueueDepth",
        ),
        small(
            "redis",
            "Oldest job",
            "How long the oldest job of a queue has waited.",
            (
                "topk(5, max by (instance, target, system, queue) (queue_oldest_age_seconds{TARGET}))",
                "{{target}} {{system}} {{queue}}",
            ),
            unit="s",
            thresholds=above("QueueAge"),
            runbook="queues#QueueAge",
        ),
        small(
            "containers",
            "CPU",
            "CPU time as part of what may be used: the machine's, and that of the containers nearest to their limit.",
            (HOST_CPU % "$__rate_interval", "machine {{instance}}"),
            (f"topk(5, {cpu_ratio('$__rate_interval', 'HERE')})", CONTAINER),
            unit="percentunit",
            thresholds=above("ContainerCpu"),
            runbook="containers#ContainerCpu",
        ),
        small(
            "containers",
            "Memory against limit",
            "Memory that cannot be given back as part of the limit: at 100 % processes are killed.",
            (f"1 - {HOST_MEMORY}", "machine {{instance}}"),
            (f"topk(5, {memory_ratio('HERE')})", CONTAINER),
            unit="percentunit",
            thresholds=above("ContainerMemory"),
            runbook="containers#ContainerMemory",
        ),
        small(
            "containers",
            "Throttled",
            "Periods in which a container had to wait for CPU time because of its limit, as part of all.",
            (f"topk(5, {throttled('$__rate_interval', 'HERE')})", CONTAINER),
            unit="percentunit",
            thresholds=above("ContainerThrottled"),
            runbook="containers#ContainerThrottled",
        ),
        small(
            "containers",
            "Restarts in the last hour",
            "Containers that the engine started again, and servers that were started.",
            (
                f"topk(5, sum by (instance, who) ({named('increase(container_restarts_total{HERE}[1h])')})) > 0",
                CONTAINER,
            ),
            (
                "sum by (instance, target) (changes(pg_postmaster_start_time_seconds{TARGET}[1h]))",
                "PostgreSQL {{target}} {{instance}}",
            ),
            (
                "sum by (instance, target) (resets(redis_uptime_in_seconds{TARGET}[1h]))",
                "Redis {{target}} {{instance}}",
            ),
            decimals=0,
            runbook="containers#ContainerRestarts",
        ),
        small(
            "containers",
            "Free disk space",
            "The fullest file systems.",
            (f"bottomk(5, min by (instance, mountpoint) ({DISK_FREE}))", "{{mountpoint}} {{instance}}"),
            unit="percentunit",
            thresholds=below("HostDisk"),
            runbook="host#HostDisk",
        ),
    ),
    # One server alone has no label target, which the exporter's own metrics always have.
    targets='{__name__=~"pg_up|pgbouncer_up|redis_up",HERE}',
)
