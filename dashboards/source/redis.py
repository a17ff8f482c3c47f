"""Redis, and the queues of jobs that are kept in it."""

from expressions import largest
from pages import group, page, variable
from panels import UP, figure, graph, rows, states
from thresholds import GREEN, ORANGE, RED, above, below, minimum, steps

SERVER = "{{target}} {{instance}}"
QUEUE = "{{target}} {{instance}} {{system}} {{queue}}"
CHOSEN = 'TARGET,queue=~"$queue"'
CHOSEN_OR_ALL = r'TARGET,queue=~"$queue|\\(all\\)"'
BY_QUEUE = "instance, target, system, queue"
EVENTS = (
    "Celery's part comes from its workers' events: start them with --task-events, and the exporter with "
    "--collector.redis_celery_events."
)

# As the alerts have them: memory as part of maxmemory, or of the machine's where none is set, and which servers may
# be full since they evict any key.
MEMORY = (
    "redis_memory_used_bytes{TARGET} "
    "/ ((redis_memory_max_bytes{TARGET} > 0) or redis_total_system_memory_bytes{TARGET})"
)
CACHES = """
    redis_instance_info{TARGET,maxmemory_policy=~"allkeys-.+"}
    and on (job, instance, target) redis_memory_max_bytes{TARGET} > 0
"""


def of_systems(**parts: str) -> str:
    """Figures of several systems under one name, as the alerts have them: what each has, and the label `system`."""
    return " or ".join(
        f'label_replace(sum by (job, instance, target) ({text}), "system", "{system}", "", "")'
        for system, text in parts.items()
    )


def failed(window: str) -> str:
    return of_systems(
        celery=f'rate(celery_task_completed_total{{TARGET,status="failed"}}[{window}])',
        rq=f"rate(rq_workers_failed_total{{TARGET}}[{window}])",
        sidekiq=f"rate(sidekiq_failed_jobs_total{{TARGET}}[{window}])",
        bullmq=f"rate(bullmq_job_failed_total{{TARGET}}[{window}])",
        resque=f"rate(resque_failed_jobs{{TARGET}}[{window}])",
    )


def finished(window: str) -> str:
    return of_systems(
        celery=f'rate(celery_task_completed_total{{TARGET,status=~"succeeded|failed"}}[{window}])',
        rq=f"rate(rq_workers_failed_total{{TARGET}}[{window}]) + rate(rq_workers_success_total{{TARGET}}[{window}])",
        sidekiq=f"rate(sidekiq_processed_jobs_total{{TARGET}}[{window}])",
        bullmq=f"rate(bullmq_job_failed_total{{TARGET}}[{window}]) "
        f"+ rate(bullmq_job_completed_total{{TARGET}}[{window}])",
        resque=f"rate(resque_processed_jobs{{TARGET}}[{window}])",
    )


def failure_rate(window: str) -> str:
    return f"({failed(window)}) / (({finished(window)}) > {minimum('QueueFailures')})"


def of_queues(celery: tuple[str, ...], rq: tuple[str, ...], bullmq: tuple[str, ...], sidekiq: str, resque: str) -> str:
    """Jobs a minute by queue, where a system counts by queue, else of all its queues together.

    Each is given by its counters, which are added up.
    """
    window = "[$__rate_interval]"
    chosen = {
        "celery": 'TARGET,queue_name=~"$queue"',
        "rq": 'TARGET,queues=~"(.+,)?($queue)(,.+)?"',
        "bullmq": CHOSEN,
    }
    label = {"celery": "queue_name", "rq": "queues", "bullmq": "queue"}
    parts = []
    for system, counters in {"celery": celery, "rq": rq, "bullmq": bullmq}.items():
        rates = " or ".join(
            f'label_replace(rate({name}{{{chosen[system]}}}{window}), "counter", "{name}", "", "")' for name in counters
        )
        text = (
            f'label_replace({rates}, "queue", "$1", "{label[system]}", "(.+)")' if label[system] != "queue" else rates
        )
        parts.append(f'label_replace(sum by (instance, target, queue) ({text}), "system", "{system}", "", "")')
    for system, name in {"sidekiq": sidekiq, "resque": resque}.items():
        text = f'label_replace(rate({name}{{TARGET}}{window}), "queue", "(all)", "", "")'
        parts.append(f'label_replace({text}, "system", "{system}", "", "")')
    return f"topk(10, 60 * sum by (instance, target, system, queue) ({' or '.join(parts)}))"


def mean_duration(window: str, at: str = "") -> str:
    """How long a call of a command takes on average."""
    return (
        f"sum by (instance, target, cmd) (rate(redis_commands_duration_seconds_total{{TARGET}}[{window}]{at})) "
        f"/ (sum by (instance, target, cmd) (rate(redis_commands_total{{TARGET}}[{window}]{at})) > 0)"
    )


# Without a worker there is none to count: 0 where there is something that they would have.
WORKERS = of_systems(
    celery="celery_worker_up{TARGET} or celery_task_completed_total{TARGET} * 0",
    rq='rq_workers{TARGET} or queue_depth{TARGET,system="rq"} * 0',
    sidekiq="sidekiq_processes{TARGET}",
    resque="resque_workers{TARGET}",
)
BUSY = of_systems(
    celery="celery_worker_tasks_active{TARGET}",
    rq='rq_workers{TARGET,state="busy"} or rq_workers{TARGET,state!="busy"} * 0',
    sidekiq="sidekiq_busy_workers{TARGET}",
    resque="resque_working{TARGET}",
)


def percentile(histogram: str, quantile: str, by: str = "") -> str:
    """A percentile of Celery's tasks; where there were none, it is no number, and left out."""
    buckets = f'rate({histogram}_bucket{{TARGET,queue_name=~"$queue"}}[$__rate_interval])'
    return f"histogram_quantile({quantile}, sum by (instance, target, {by}le) ({buckets})) >= 0"


TASKS = 'TARGET,queue_name=~"$queue"'


PAGE = page(
    "redis",
    "Redis and queues",
    "Whether Redis answers, has room and finds what it is asked for, and whether jobs are done in time and well.",
    "redis_up",
    group(
        "",
        figure(
            "Redis",
            "Whether all servers answer the exporter. Which one does not is in the table of servers, at the end.",
            ("min(redis_up{TARGET})", ""),
            width=3,
            mappings=UP,
            thresholds=steps(RED, (1, GREEN)),
            runbook="redis#RedisDown",
        ),
        figure(
            "Hit rate",
            "The lowest of all servers over 5 minutes, of those with enough look-ups to tell. If it is low, callers go "
            "to the database instead: see whether keys are evicted, or expire too early.",
            (
                "min(avg_over_time(redis_keyspace_hit_ratio{TARGET}[5m]) and "
                "rate(redis_keyspace_hits_total{TARGET}[5m]) + rate(redis_keyspace_misses_total{TARGET}[5m]) "
                f"> {minimum('RedisHitRate')})",
                "",
            ),
            width=3,
            unit="percentunit",
            thresholds=below("RedisHitRate"),
            maximum=1,
            none="few look-ups",
            runbook="redis#RedisHitRate",
        ),
        figure(
            "Memory",
            "The fullest server: memory as part of maxmemory, or of the machine's where none is set. Caches that may "
            "evict any key (allkeys-...) are left out, as they are always full.",
            (f"max({MEMORY} unless on (job, instance, target) ({CACHES}))", ""),
            width=3,
            unit="percentunit",
            thresholds=above("RedisMemory"),
            maximum=1,
            none="caches only",
            runbook="redis#RedisMemory",
        ),
        figure(
            "Evictions a minute",
            "The most of any server over 5 minutes. Keys go before their time because maxmemory is reached: raise it, "
            "or store less.",
            ("max(rate(redis_evicted_keys_total{TARGET}[5m]) * 60)", ""),
            width=3,
            thresholds=above("RedisEvictions"),
            runbook="redis#RedisEvictions",
        ),
        figure(
            "Longest queue",
            "Jobs that wait in the longest of the queues chosen. If it grows, see whether workers are there and busy.",
            (f'max(sum without (state) (queue_depth{{{CHOSEN},state="waiting"}}))', ""),
            width=3,
            thresholds=above("QueueDepth"),
            none="no queue",
            runbook="queues#QueueDepth",
        ),
        figure(
            "Oldest job",
            "How long the oldest of the waiting jobs has waited, of all queues chosen.",
            (f"max(queue_oldest_age_seconds{{{CHOSEN}}}) or min(queue_depth{{{CHOSEN}}}) * 0", ""),
            width=3,
            unit="s",
            thresholds=above("QueueAge"),
            none="no queue",
            runbook="queues#QueueAge",
        ),
        figure(
            "Failed jobs",
            "Failed jobs as part of all that ended, over 5 minutes, of the system with the most. Which tasks, and why, "
            f"is further down. {EVENTS}",
            (f"max({failure_rate('5m')})", ""),
            width=3,
            unit="percentunit",
            thresholds=above("QueueFailures"),
            maximum=1,
            none="few jobs",
            runbook="queues#QueueFailures",
        ),
        figure(
            "Workers",
            f"Workers that are alive, of the system that has the fewest. Without any, no job is done. {EVENTS}",
            (f"min(({WORKERS}) and on (job, instance, target, system) queue_depth{{TARGET}})", ""),
            width=3,
            thresholds=steps(RED, (1, GREEN)),
            decimals=0,
            none="not told",
            runbook="queues#QueueWithoutWorker",
        ),
    ),
    group(
        "Memory and keys",
        graph(
            "Hit rate",
            "Look-ups that found their key, without the exporter's own. Absent while nobody looks anything up.",
            ("redis_keyspace_hit_ratio{TARGET}", SERVER),
            unit="percentunit",
            thresholds=below("RedisHitRate"),
            maximum=1,
            runbook="redis#RedisHitRate",
        ),
        graph(
            "Memory against maxmemory",
            "Memory as part of maxmemory, or of the machine's where none is set. At 100 % writes fail (noeviction) or "
            "keys are evicted. For a cache that may evict any key that is as it should be, and no alert fires.",
            (MEMORY, SERVER),
            unit="percentunit",
            thresholds=above("RedisMemory"),
            runbook="redis#RedisMemory",
        ),
        graph(
            "Memory",
            "What the server has allocated, what of that the kernel has in memory (resident), and maxmemory.",
            ("redis_memory_used_bytes{TARGET}", f"{SERVER} used"),
            ("redis_memory_used_rss_bytes{TARGET}", f"{SERVER} resident"),
            ("redis_memory_max_bytes{TARGET} > 0", f"{SERVER} maxmemory"),
            unit="bytes",
        ),
        graph(
            "Evictions a minute",
            "Keys removed because maxmemory is reached. They are missed later: compare with the hit rate.",
            ("rate(redis_evicted_keys_total{TARGET}[$__rate_interval]) * 60", SERVER),
            thresholds=above("RedisEvictions"),
            runbook="redis#RedisEvictions",
        ),
        graph(
            "Expirations a minute",
            "Keys whose time was over. Many at once can make the server slow; give them times that differ.",
            ("rate(redis_expired_keys_total{TARGET}[$__rate_interval]) * 60", SERVER),
        ),
        graph(
            "Fragmentation",
            "Resident memory by allocated memory. Above 1.5 memory is wasted: switch on activedefrag, or restart in a "
            "quiet hour. Below 1 the server is swapped out, which makes it slow. It says little below 100 MB.",
            ("redis_mem_fragmentation_ratio{TARGET}", SERVER),
            thresholds=steps(GREEN, (1.5, ORANGE)),
            decimals=2,
        ),
        graph(
            "Keyspace",
            "Keys by database, and how many of them never expire. If these only get more, nobody deletes them.",
            ("topk(10, redis_db_keys{TARGET} > 0)", f"{SERVER} {{{{db}}}}"),
            (
                "topk(5, redis_db_keys{TARGET} - redis_db_keys_expiring{TARGET} > 0)",
                f"{SERVER} {{{{db}}}} without expiry",
            ),
            width=12,
        ),
        graph(
            "Look-ups",
            "Look-ups a second that found their key and that did not, the exporter's own included.",
            ("rate(redis_keyspace_hits_total{TARGET}[$__rate_interval])", f"{SERVER} found"),
            ("rate(redis_keyspace_misses_total{TARGET}[$__rate_interval])", f"{SERVER} missed"),
            unit="ops",
            width=12,
        ),
    ),
    group(
        "Clients and commands",
        graph(
            "Clients",
            "Connections of clients as part of maxclients; at 100 % new ones are turned away. A number that only grows "
            "is that of connections nobody closes: CLIENT LIST has their addresses.",
            ("redis_connected_clients{TARGET} / (redis_max_clients{TARGET} > 0)", SERVER),
            unit="percentunit",
            thresholds=above("RedisClients"),
            runbook="redis#RedisClients",
        ),
        graph(
            "Connections",
            "Clients that are connected, those of them that wait for an answer (BLPOP and the like, as workers do), "
            "and connections that were turned away, a minute.",
            ("redis_connected_clients{TARGET}", f"{SERVER} connected"),
            ("redis_blocked_clients{TARGET}", f"{SERVER} waiting"),
            ("rate(redis_rejected_connections_total{TARGET}[$__rate_interval]) * 60", f"{SERVER} turned away a minute"),
            runbook="redis#RedisRejectedConnections",
        ),
        graph(
            "CPU",
            "CPU time a second. Commands run one after another in one thread: near 100 % everybody waits for the "
            "commands that take most of the time, which the table below has.",
            (
                "rate(redis_cpu_user_seconds_total{TARGET}[$__rate_interval]) "
                "+ rate(redis_cpu_sys_seconds_total{TARGET}[$__rate_interval])",
                SERVER,
            ),
            unit="percentunit",
            thresholds=steps(GREEN, (0.8, ORANGE)),
        ),
        graph(
            "Commands",
            "Calls a second of the ten commands that are called most.",
            (largest(10, "instance, target, cmd", counter="redis_commands_total{TARGET}"), f"{SERVER} {{{{cmd}}}}"),
            unit="ops",
        ),
        graph(
            "Slowest commands",
            "Mean duration of a call, of the ten slowest commands. While one runs, all others wait: KEYS, and commands "
            "on very large keys, have no place in production.",
            (
                f"{mean_duration('$__rate_interval')} and topk(10, {mean_duration('$__range', ' @ end()')})",
                f"{SERVER} {{{{cmd}}}}",
            ),
            unit="s",
        ),
        graph(
            "Slow log",
            "Commands a minute that took longer than slowlog-log-slower-than (10 ms unless set). SLOWLOG GET 10 shows "
            "them, with their arguments and their clients.",
            ("rate(redis_slowlog_last_id{TARGET}[$__rate_interval]) * 60", SERVER),
        ),
        rows(
            "Commands",
            "Everything in the time chosen. Time is the part of it that the server spent on the command; Failed ended "
            "with an error, Refused did not run (no permission, wrong arguments).",
            {"instance": "Instance", "target": "Target", "cmd": "Command"},
            {
                "Calls": ("round(increase(redis_commands_total{TARGET}[$__range])) > 0", "short"),
                "Mean": (
                    "increase(redis_commands_duration_seconds_total{TARGET}[$__range]) "
                    "/ (increase(redis_commands_total{TARGET}[$__range]) > 0)",
                    "s",
                ),
                "Time": (
                    "rate(redis_commands_duration_seconds_total{TARGET}[$__range]) "
                    "and increase(redis_commands_total{TARGET}[$__range]) > 0",
                    "percentunit",
                ),
                "Failed": (
                    "round(increase(redis_commands_failed_calls_total{TARGET}[$__range])) > 0",
                    "short",
                    steps(ORANGE),
                ),
                "Refused": (
                    "round(increase(redis_commands_rejected_calls_total{TARGET}[$__range])) > 0",
                    "short",
                    steps(ORANGE),
                ),
            },
            sort="Time",
            width=16,
        ),
        graph(
            "Errors",
            "Answers a second that were errors, by their first word: OOM is a full server, READONLY a write to a "
            "replica, NOAUTH and WRONGPASS a password, NOPERM a missing right, WRONGTYPE a key of another kind.",
            (
                largest(10, "instance, target, err", counter="redis_errors_total{TARGET}"),
                f"{SERVER} {{{{err}}}}",
            ),
            unit="ops",
            height=9,
        ),
    ),
    group(
        "Queues",
        rows(
            "Queues",
            "Celery's unacknowledged and overdue jobs are counted for all queues together: (all). A replica has its "
            "master's queues again.",
            {"instance": "Instance", "target": "Target", "system": "System", "queue": "Queue"},
            {
                "Waiting": (f'queue_depth{{{CHOSEN},state="waiting"}}', "short", above("QueueDepth")),
                "Oldest": (f"max without (kind) (queue_oldest_age_seconds{{{CHOSEN}}})", "s", above("QueueAge")),
                "Delayed": (f'queue_depth{{{CHOSEN},state="delayed"}}', "short"),
                "Active": (f'queue_depth{{{CHOSEN},state="active"}}', "short"),
                "Unacknowledged": (f"queue_unacked{{{CHOSEN_OR_ALL}}}", "short"),
                "Overdue": (f"queue_overdue{{{CHOSEN_OR_ALL}}}", "short", above("QueueOverdue")),
                "Failed": (f'queue_depth{{{CHOSEN},state=~"failed|dead"}}', "short", steps(GREEN, (1, ORANGE))),
            },
            sort="Waiting",
            runbook="queues#QueueDepth",
        ),
        graph(
            "Waiting jobs",
            "Jobs that wait, of the ten longest queues. More come in than are done while it climbs: see workers.",
            (largest(10, BY_QUEUE, gauge=f'queue_depth{{{CHOSEN},state="waiting"}}'), QUEUE),
            thresholds=above("QueueDepth"),
            runbook="queues#QueueGrows",
        ),
        graph(
            "Oldest job",
            "How long the oldest waiting job has waited, of the ten worst queues; none where a queue is empty.",
            (largest(10, BY_QUEUE, gauge=f"queue_oldest_age_seconds{{{CHOSEN}}}"), QUEUE),
            unit="s",
            thresholds=above("QueueAge"),
            runbook="queues#QueueAge",
        ),
        graph(
            "Delayed jobs",
            "Jobs for a later time, retries included. They are overdue where their time has come and they did not "
            "move, because no scheduler runs. Celery's delayed ones are with its workers, as unacknowledged ones.",
            (largest(10, BY_QUEUE, gauge=f'queue_depth{{{CHOSEN},state="delayed"}}'), QUEUE),
            (largest(5, BY_QUEUE, gauge=f"queue_overdue{{{CHOSEN_OR_ALL}}}"), f"{QUEUE} overdue"),
            runbook="queues#QueueOverdue",
        ),
        graph(
            "Jobs done a minute",
            "Jobs that ended, well or not, where a system counts them by queue, else of all its queues: (all). "
            f"{EVENTS}",
            (
                of_queues(
                    ("celery_task_succeeded_total", "celery_task_failed_total"),
                    ("rq_workers_success_total", "rq_workers_failed_total"),
                    ("bullmq_job_completed_total", "bullmq_job_failed_total"),
                    "sidekiq_processed_jobs_total",
                    "resque_processed_jobs",
                ),
                QUEUE,
            ),
        ),
        graph(
            "Jobs failed a minute",
            "Jobs that ended with an error, where a system counts them by queue, else of all its queues: (all). "
            f"{EVENTS}",
            (
                of_queues(
                    ("celery_task_failed_total",),
                    ("rq_workers_failed_total",),
                    ("bullmq_job_failed_total",),
                    "sidekiq_failed_jobs_total",
                    "resque_failed_jobs",
                ),
                QUEUE,
            ),
            runbook="queues#QueueFailures",
        ),
        graph(
            "Failure rate",
            f"Failed jobs as part of all that ended, by system; absent while hardly any end. {EVENTS}",
            (failure_rate("$__rate_interval"), "{{target}} {{instance}} {{system}}"),
            unit="percentunit",
            thresholds=above("QueueFailures"),
            runbook="queues#QueueFailures",
        ),
    ),
    group(
        "Workers and tasks",
        graph(
            "Workers",
            "Workers that are alive, and jobs they have in hand. If all are busy while jobs wait, start more; if none "
            f"is while jobs wait, they look at other queues. {EVENTS}",
            (WORKERS, "{{target}} {{instance}} {{system}} alive"),
            (BUSY, "{{target}} {{instance}} {{system}} jobs in hand"),
            runbook="queues#QueueWithoutWorker",
        ),
        graph(
            "Task run time",
            f"Percentiles of how long Celery's tasks ran that ended well. {EVENTS}",
            (percentile("celery_task_runtime", "0.5"), f"{SERVER} p50"),
            (percentile("celery_task_runtime", "0.95"), f"{SERVER} p95"),
            (percentile("celery_task_runtime", "0.99"), f"{SERVER} p99"),
            unit="s",
        ),
        graph(
            "Wait before the start",
            "p95 of the time from when a Celery task was sent to its start, by queue. It grows before users notice: "
            f"more workers are needed. Senders need task_send_sent_event. {EVENTS}",
            (
                f"topk(10, {percentile('celery_task_queue_wait_time', '0.95', 'queue_name, ')})",
                f"{SERVER} {{{{queue_name}}}}",
            ),
            unit="s",
        ),
        rows(
            "Tasks",
            f"Celery's tasks in the time chosen. {EVENTS}",
            {"instance": "Instance", "target": "Target", "name": "Task"},
            {
                "Succeeded": (f"round(increase(celery_task_succeeded_total{{{TASKS}}}[$__range]))", "short"),
                "Failed": (
                    f"round(increase(celery_task_failed_total{{{TASKS}}}[$__range]))",
                    "short",
                    steps(GREEN, (1, ORANGE)),
                ),
                "Mean": (
                    f"sum by (instance, target, name) (increase(celery_task_runtime_sum{{{TASKS}}}[$__range])) "
                    "/ (sum by (instance, target, name) "
                    f"(increase(celery_task_runtime_count{{{TASKS}}}[$__range])) > 0)",
                    "s",
                ),
                "p95": (
                    "histogram_quantile(0.95, sum by (instance, target, name, le) "
                    f"(increase(celery_task_runtime_bucket{{{TASKS}}}[$__range]))) >= 0",
                    "s",
                ),
            },
            sort="Failed",
            width=14,
            height=7,
        ),
        rows(
            "Why tasks failed",
            "Celery's tasks that ended with an exception in the time chosen. The worker's log has the traceback. "
            f"{EVENTS}",
            {"target": "Target", "name": "Task", "exception": "Exception"},
            {"Failed": (f'round(increase(celery_task_failed_total{{{TASKS},exception!=""}}[$__range])) > 0', "short")},
            sort="Failed",
            width=10,
            height=7,
            runbook="queues#QueueFailures",
        ),
    ),
    group(
        "Servers and replication",
        rows(
            "Servers",
            "Saved is the age of the last RDB file; a server that writes none was last saved when it started.",
            {"instance": "Instance", "target": "Target"},
            {
                "Up": ("redis_up{TARGET}", "short", UP),
                "role": ("max by (instance, target, role) (redis_instance_info{TARGET})", None, "Role"),
                "redis_version": (
                    "max by (instance, target, redis_version) (redis_instance_info{TARGET})",
                    None,
                    "Version",
                ),
                "maxmemory_policy": (
                    "max by (instance, target, maxmemory_policy) (redis_instance_info{TARGET})",
                    None,
                    "When full",
                ),
                "Uptime": ("redis_uptime_in_seconds{TARGET}", "s"),
                "Replicas": ("redis_connected_slaves{TARGET}", "short"),
                "Slow log": ("redis_slowlog_length{TARGET}", "short"),
                "Last slow command": ("redis_last_slow_execution_duration_seconds{TARGET} > 0", "s"),
                "Saved": ("time() - redis_rdb_last_save_timestamp_seconds{TARGET}", "s"),
                "Save": ("redis_rdb_last_bgsave_status{TARGET}", "short", {0: ("failed", RED), 1: ("ok", GREEN)}),
                "Log file": (
                    "redis_aof_last_write_status{TARGET} and redis_aof_enabled{TARGET} == 1 or "
                    "(redis_aof_enabled{TARGET} == 0) - 1",
                    "short",
                    {0: ("failed", RED), 1: ("ok", GREEN), -1: ("off", GREEN)},
                ),
            },
            height=7,
            runbook="redis#RedisDown",
        ),
        states(
            "Replicas' links",
            "Whether replicas are linked to their master. One that is not serves what it had when it lost it.",
            (
                "max by (instance, target, master_host, master_port) (redis_master_link_up{TARGET})",
                "{{target}} {{instance}} of {{master_host}}:{{master_port}}",
            ),
            mappings=UP,
            runbook="redis#RedisReplicaLink",
        ),
        graph(
            "Replicas behind",
            "Bytes of their master's writes that replicas have not confirmed; some are always under way. More than the "
            "backlog (repl-backlog-size) costs a transfer of all data after a broken link.",
            (
                "redis_master_repl_offset{TARGET} - on (job, instance, target) group_right () "
                "redis_connected_slave_offset_bytes{TARGET}",
                "{{target}} {{instance}} to {{slave_ip}}:{{slave_port}}",
            ),
            unit="bytes",
            runbook="redis#RedisReplicaLink",
        ),
        graph(
            "Replicas' last word",
            "Seconds since a replica last confirmed what it has, as its master says: it does so every second. And, as "
            "replicas say, since they last heard of their master.",
            (
                "redis_connected_slave_lag_seconds{TARGET}",
                "{{target}} {{instance}} to {{slave_ip}}:{{slave_port}}",
            ),
            (
                "redis_master_last_io_seconds_ago{TARGET} >= 0",
                "{{target}} {{instance}} of {{master_host}}:{{master_port}}",
            ),
            unit="s",
            runbook="redis#RedisReplicaLink",
        ),
    ),
    targets="redis_up{HERE}",
    choices=(variable("queue", "Queue", "queue_depth{TARGET}", of="queue"),),
)
