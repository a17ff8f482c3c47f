"""PostgreSQL: who is connected and waits for what, which statements take the time, and what fills up."""

from pages import group, page, variable
from panels import figure, graph, rows, states
from thresholds import BLUE, GREEN, ORANGE, RED, YELLOW, above, below, minimum, steps

# Everything of the servers chosen, and what is of the databases chosen. The templates have no life of their own.
ALL = "{TARGET}"
IN = '{TARGET,datname=~"$database",datname!~"template[01]"}'
# Without the pooler's own console.
POOLS = '{HERE,database!="pgbouncer"}'
CLIENTS = '{TARGET,backend_type=~"client backend|"}'
CLIENTS_IN = '{TARGET,backend_type=~"client backend|",datname=~"$database",state!~"disabled|fastpath.*"}'

SERVER = "{{target}} {{instance}}"
DATABASE = "{{target}} {{instance}} {{datname}}"
OF_SERVER = {"instance": "Instance", "target": "Server"}
OF_DATABASE = OF_SERVER | {"datname": "Database"}
OF_TABLE = OF_DATABASE | {"schemaname": "Schema", "relname": "Table"}
OF_CLIENT = OF_DATABASE | {"usename": "Role", "application_name": "Application"}
OF_STATEMENT = OF_DATABASE | {"user": "Role", "queryid": "Query id"}

ROLES = {0: ("down", RED), 1: ("primary", GREEN), 2: ("standby", BLUE)}
BY_SERVER = "by (instance, target)"
UP = f"sum {BY_SERVER} (pg_up{ALL})"
STATE = f"{UP} + sum {BY_SERVER} (pg_replication_is_replica{ALL}) or {UP}"
OF_STANDBYS = f"and on (job, instance, target) pg_replication_is_replica{ALL} == 1"
# A standby does not vacuum, and has no figures of its own of what it cannot change.
OF_PRIMARIES = f"unless on (job, instance, target) pg_replication_is_replica{ALL} == 1"


def by_server(inner: str, how: str = "sum") -> str:
    return f"{how} {BY_SERVER} ({inner})"


def by_database(inner: str, how: str = "sum") -> str:
    return f"{how} by (instance, target, datname) ({inner})"


def seen(name: str, where: str) -> str:
    """Without what has been 0 all the time."""
    return f"{name}{where} and max_over_time({name}{where}[$__range]) > 0"


def rate(name: str) -> str:
    return f"rate({name}{IN}[$__rate_interval])"


def sessions(state: str = ".*") -> str:
    """Sessions of clients, by whose they are."""
    found = f'pg_stat_activity_count{CLIENTS_IN[:-1]},state=~"{state}"}}'
    return f"sum by ({', '.join(OF_CLIENT)}) ({found})"


CONNECTIONS = f"{by_server(f'pg_stat_activity_count{CLIENTS}')} / {by_server(f'pg_settings_max_connections{ALL}')}"
MOST_SESSIONS = f"topk(20, {sessions()} > 0)"


def of_most(state: str) -> str:
    return f"{sessions(state)} and {MOST_SESSIONS} or 0 * {MOST_SESSIONS}"


BLOCKED = by_server(f"pg_blocked_sessions{ALL}")
SLOW = by_server('pg_slow_statements{TARGET,threshold="0.1"}')
LAG = f"pg_replication_lag_seconds{ALL} {OF_STANDBYS}"


def cache_hits(window: str) -> str:
    """As the alert has it: of servers that look up enough blocks for it to mean something."""
    hit, read = (by_server(f"rate(pg_stat_database_blks_{kind}{ALL}[{window}])") for kind in ("hit", "read"))
    return f"{hit} / ({hit} + {read} > {minimum('PostgresCacheHits')})"


ROLLED_BACK = (
    f"{by_database(rate('pg_stat_database_xact_rollback'))} / ("
    f"{by_database(rate('pg_stat_database_xact_commit'))} + {by_database(rate('pg_stat_database_xact_rollback'))}"
    f" > {minimum('PostgresRollbacks')})"
)
# Since PostgreSQL 17 checkpoints are counted in a view of their own.
CHECKPOINTS = {
    kind: by_server(
        f"increase(pg_stat_checkpointer_num_{new}_total{ALL}[1h])"
        f" or increase(pg_stat_bgwriter_checkpoints_{old}_total{ALL}[1h])"
    )
    for kind, new, old in (("requested", "requested", "req"), ("timed", "timed", "timed"))
}

# What holds up processes now, and what did in the time that is shown: of that, series go on where there is nothing.
WAITS = f"sum by (instance, target, wait_event_type, wait_event) (pg_wait_events_backends{ALL})"
WAITS_SHOWN = (
    f"sum by (instance, target, wait_event_type, wait_event) (sum_over_time(pg_wait_events_backends{ALL}[$__range]))"
)

# Statements: those of the last interval, and those of the time that is shown.
LAST = "pg_stat_statements_interval"
SLOWEST = f"(topk(20, {LAST}_mean_exec_seconds{IN}) or topk(20, {LAST}_seconds{IN}))"
STATEMENT = ", ".join(OF_STATEMENT)


def while_shown(name: str) -> str:
    return f"sum by ({STATEMENT}) (increase(pg_stat_statements_{name}_total{IN}[$__range]))"


COSTLIEST = f"topk(20, {while_shown('seconds')} > 0)"


def of_costliest(name: str, each_call: bool = False) -> str:
    one = f"{while_shown(name)} / ({while_shown('calls')} > 0)" if each_call else while_shown(name)
    return f"{one} and {COSTLIEST}"


def texts(statements: str) -> tuple:
    """The column of statements' texts, each once. Where they are not collected there is no column."""
    text = f"topk by (instance, target, queryid) (1, pg_stat_statements_query_id{ALL})"
    return (
        f"group by ({STATEMENT}, query) ({statements} * on (instance, target, queryid) group_left (query) {text})",
        None,
        "Statement",
    )


TEXT = (
    "Texts need `collectors: {stat_statements: {query_text: true}}` in the configuration, "
    "or `--collector.stat_statements.include_query`."
)

# Widths of columns, without which Grafana makes wide tables wider than they are.
PLACE = {"Instance": 150, "Server": 120, "Database": 100}
SERVER_WIDTHS = PLACE | {"State": 80, "Version": 80, "Started": 120, "Sessions": 80, "At most": 80, "In use": 80}
SERVER_WIDTHS |= {"Blocked": 80, "Idle in tx": 100, "Oldest tx": 100, "Lag": 90, "Databases": 100, "WAL files": 100}
DATABASE_WIDTHS = PLACE | {"Size": 90, "Growth": 90, "Growth, part": 100, "Ids used": 80}
STATEMENT_WIDTHS = PLACE | {"Role": 90, "Query id": 180, "Mean": 80, "Calls": 80, "Total": 80}


def each_pooled(name: str) -> str:
    """On average of the statements that went through the pooler."""
    counted, statements = (
        f"sum by (instance, target, database) (rate(pgbouncer_stats_totals_{of}_total{POOLS}[$__rate_interval]))"
        for of in (name, "queries_pooled")
    )
    return f"{counted} / ({statements} > 0)"


# Tables. Without checksums nobody looks for damage, which is told as -1.
DAMAGED = (
    f"{by_database(f'pg_stat_database_checksum_failures_total{IN}')}"
    f" or 0 * {by_database(f'pg_stat_database_numbackends{IN}')} - 1"
)
SIZE = f"(pg_stat_user_tables_table_size_bytes{IN} + pg_stat_user_tables_index_size_bytes{IN})"
LARGEST = f"topk(30, {SIZE} {OF_PRIMARIES})"
DEAD = f"pg_stat_user_tables_n_dead_tup{IN} {OF_PRIMARIES}"
MOST_DEAD = f"topk(30, {DEAD})"


def last(what: str) -> str:
    """When somebody or autovacuum did it last, in milliseconds."""
    auto, manual = f"pg_stat_user_tables_last_auto{what}{IN}", f"pg_stat_user_tables_last_{what}{IN}"
    return f"((({auto} >= {manual}) or {manual}) > 0) * 1000 and {MOST_DEAD}"


# PostgreSQL forgets the lag where nothing is left to replay.
REPLAY_LAG = f"pg_stat_replication_replay_lag_seconds{ALL} or 0 * (pg_stat_replication_pg_wal_lsn_diff{ALL} == 0)"
# Where no limit is set, -1.
MAY_GROW = (
    f"sum by (instance, target, slot_name) (pg_replication_slots_safe_wal_size_bytes{ALL})"
    f" or 0 * sum by (instance, target, slot_name) (pg_replication_slots_slot_is_active{ALL}) - 1"
    f" and on (instance, target) pg_settings_max_slot_wal_keep_size_bytes{ALL} == -1"
)


def used_ids(where: str) -> str:
    """The greater part of both: transactions, multixacts."""
    multixacts = f"pg_database_multixact_wraparound_ratio{where}"
    return f"pg_database_wraparound_ratio{where} >= {multixacts} or {multixacts}"


def wal_status() -> str:
    words = ("reserved", "extended", "unreserved", "lost")
    found = (
        f"max by (instance, target, slot_name) "
        f'(pg_replication_slots_wal_status{{TARGET,wal_status="{word}"}}) * {index}'
        for index, word in enumerate(words)
    )
    return " or ".join(found)


PAGE = page(
    "postgres",
    "PostgreSQL",
    "Who is connected and what they wait for, which statements take the time, and what fills up. Figures at the top "
    "are those of the worst server chosen; the table below them says which it is.",
    "pg_up",
    group(
        "",
        figure(
            "Servers down",
            "Servers that gave the exporter no answer at the last scrape; the reason is in the dashboard Exporter. "
            "Unknown: the exporter itself does not answer, and no figure here is of now.",
            (f"count(pg_up{ALL} == 0) or 0 * count(pg_up{ALL})", ""),
            thresholds=steps(GREEN, (1, RED)),
            none="unknown",
            width=3,
            runbook="postgres#PostgresDown",
        ),
        figure(
            "Connections",
            "Clients as part of max_connections, on the server that has the fewest left. At 100 % the next is refused: "
            "see by state and by client below who holds them.",
            (f"max({CONNECTIONS})", ""),
            unit="percentunit",
            decimals=0,
            maximum=1,
            thresholds=above("PostgresConnections"),
            width=3,
            runbook="postgres#PostgresConnections",
        ),
        figure(
            "Blocked sessions",
            "Sessions that wait for a lock that others hold, on the server that has most of them. End the root "
            "blockers, not those that wait.",
            (f"max({BLOCKED})", ""),
            thresholds=above("PostgresLockWaits"),
            width=3,
            runbook="postgres#PostgresLockWaits",
        ),
        figure(
            "Idle in transaction",
            "How long a client has left its transaction open without asking for anything. It keeps its locks and keeps "
            "vacuum from removing rows: end it where it is older than any work should be.",
            (f"max(pg_idle_in_transaction_longest_seconds{ALL})", ""),
            unit="s",
            decimals=0,
            thresholds=above("PostgresIdleInTransaction"),
            width=3,
            runbook="postgres#PostgresIdleInTransaction",
        ),
        figure(
            "Longest transaction",
            "Age of a client's oldest transaction, whatever it does. Rows deleted since it began cannot be removed.",
            (f"max(pg_oldest_transaction_seconds{ALL})", ""),
            unit="s",
            decimals=0,
            thresholds=above("PostgresLongTransaction"),
            width=3,
            runbook="postgres#PostgresLongTransaction",
        ),
        figure(
            "Slow statements",
            "How many statements took longer than 0.1 s on average in the last interval, on the server that has most. "
            "Needs the extension pg_stat_statements.",
            (f"max({SLOW})", ""),
            thresholds=above("PostgresManySlowStatements"),
            none="not collected",
            width=3,
            runbook="postgres#PostgresManySlowStatements",
        ),
        figure(
            "Cache hits",
            "Blocks found in shared_buffers as part of all, in 15 minutes, on the server that finds the fewest. "
            f"Servers with fewer than {minimum('PostgresCacheHits')} blocks a second are left out, as in the alert.",
            (f"min({cache_hits('15m')})", ""),
            unit="percentunit",
            decimals=1,
            maximum=1,
            thresholds=below("PostgresCacheHits"),
            none="idle",
            width=3,
            runbook="postgres#PostgresCacheHits",
        ),
        figure(
            "Replication lag",
            "How far the standby is behind that is furthest behind. What it has received and not replayed, and what it "
            "has not received, is below.",
            (f"max({LAG})", ""),
            unit="s",
            thresholds=above("PostgresReplicationLag"),
            none="no standby",
            width=3,
            runbook="postgres#PostgresReplicationLag",
        ),
    ),
    group(
        "Servers",
        rows(
            "Servers",
            "A line for each server, whatever databases are chosen. Times and sizes are of now; sessions are those of "
            "clients. Where collectors fail, figures are missing here: see the dashboard Exporter.",
            OF_SERVER,
            {
                "State": (STATE, "short", ROLES),
                "short_version": (
                    f"group by (instance, target, short_version) (pg_static{ALL})",
                    None,
                    "Version",
                ),
                "Started": (f"pg_postmaster_start_time_seconds{ALL} * 1000", "dateTimeFromNow"),
                "Sessions": (by_server(f"pg_stat_activity_count{CLIENTS}"), "short"),
                "At most": (f"pg_settings_max_connections{ALL}", "short"),
                "In use": (CONNECTIONS, "percentunit", above("PostgresConnections")),
                "Blocked": (BLOCKED, "short", above("PostgresLockWaits")),
                "Idle in tx": (
                    by_server(f"pg_idle_in_transaction_longest_seconds{ALL}", "max"),
                    "s",
                    above("PostgresIdleInTransaction"),
                ),
                "Oldest tx": (
                    by_server(f"pg_oldest_transaction_seconds{ALL}", "max"),
                    "s",
                    above("PostgresLongTransaction"),
                ),
                "Lag": (LAG, "s", above("PostgresReplicationLag")),
                "Databases": (by_server(f"pg_database_size_bytes{ALL}"), "bytes"),
                "WAL files": (f"pg_wal_size_bytes{ALL}", "bytes"),
                "Collectors failing": (
                    by_server(f"pg_scrape_collector_success{ALL} == bool 0"),
                    "short",
                    steps(GREEN, (1, ORANGE)),
                ),
            },
            widths=SERVER_WIDTHS,
            height=6,
            runbook="postgres#PostgresDown",
        ),
    ),
    group(
        "Connections and transactions",
        states(
            "State",
            "Whether servers were up, and as what. A change from standby to primary is a failover.",
            (STATE, SERVER),
            mappings=ROLES,
            runbook="postgres#PostgresRoleChanged",
        ),
        graph(
            "Connections against max_connections",
            "Clients of all databases as part of max_connections. Where it climbs: a pool too large, or sessions that "
            "wait for locks.",
            (CONNECTIONS, SERVER),
            unit="percentunit",
            thresholds=above("PostgresConnections"),
            runbook="postgres#PostgresConnections",
        ),
        graph(
            "Connections by state",
            "Clients by what they do, and how many there may be. Many active: the server is short of CPU, disk or "
            "locks. Many idle in transaction: an application forgets to commit. Many idle: a pool too large.",
            (
                f"sum by (instance, target, state) (pg_stat_activity_count{CLIENTS_IN})",
                "{{target}} {{instance}} {{state}}",
            ),
            (by_server(f"pg_settings_max_connections{ALL}"), "{{target}} {{instance}} max_connections"),
        ),
        rows(
            "Clients",
            "Who holds the connections: the 20 clients with most sessions. `pg_terminate_backend` ends sessions of one "
            "that has gone wild; then look at its pool.",
            OF_CLIENT,
            {
                "Sessions": (MOST_SESSIONS, "short"),
                "Active": (of_most("active"), "short"),
                "Idle in tx": (of_most("idle in transaction.*"), "short"),
            },
            sort="Sessions",
            width=16,
            height=8,
            runbook="postgres#PostgresConnections",
        ),
        graph(
            "Sessions begun and lost",
            "Sessions begun a second: many mean that clients do without a pool. Lost are those whose client crashed or "
            "was cut off, that a fatal error ended, or that somebody ended. PostgreSQL 14 and later.",
            (by_database(rate("pg_stat_database_sessions_total")), f"{DATABASE} begun"),
            (
                f"{by_database(rate('pg_stat_database_sessions_abandoned_total'))}"
                f" + {by_database(rate('pg_stat_database_sessions_fatal_total'))}"
                f" + {by_database(rate('pg_stat_database_sessions_killed_total'))}",
                f"{DATABASE} lost",
            ),
            unit="cps",
        ),
        graph(
            "Longest transaction and query",
            "Age of the oldest transaction and of the longest running query of clients, and of transactions that were "
            "prepared and forgotten.",
            (by_database(seen("pg_oldest_transaction_seconds", IN), "max"), f"{DATABASE} transaction"),
            (by_database(seen("pg_longest_query_seconds", IN), "max"), f"{DATABASE} query"),
            (by_server(f"pg_prepared_transactions_oldest_seconds{IN}", "max"), f"{SERVER} prepared"),
            unit="s",
            thresholds=above("PostgresLongTransaction"),
            width=12,
            runbook="postgres#PostgresLongTransaction",
        ),
        graph(
            "Idle in transaction, longest",
            "How long the longest of the sessions that have an open transaction has asked for nothing. Beyond the line "
            "end it, then set idle_in_transaction_session_timeout.",
            (by_database(f"pg_idle_in_transaction_longest_seconds{IN}", "max"), DATABASE),
            unit="s",
            thresholds=above("PostgresIdleInTransaction"),
            width=12,
            runbook="postgres#PostgresIdleInTransaction",
        ),
        graph(
            "Transactions",
            "Transactions committed and rolled back a second. A sudden fall: nobody asks, or everybody waits.",
            (by_database(rate("pg_stat_database_xact_commit")), f"{DATABASE} committed"),
            (by_database(rate("pg_stat_database_xact_rollback")), f"{DATABASE} rolled back"),
            unit="cps",
            width=12,
        ),
        graph(
            "Rolled back",
            "Rollbacks as part of all transactions, of databases with at least "
            f"{minimum('PostgresRollbacks')} transaction a second. Applications meet errors: see the server's log.",
            (ROLLED_BACK, DATABASE),
            unit="percentunit",
            thresholds=above("PostgresRollbacks"),
            width=12,
            runbook="postgres#PostgresRollbacks",
        ),
    ),
    group(
        "Statements",
        rows(
            "Slow statements: the last interval",
            "What ran between the exporter's last two looks at pg_stat_statements: the 20 slowest and the 20 that took "
            "most time. Query id `other` is all the rest of a database. Explain the slowest with "
            f"`EXPLAIN (ANALYZE, BUFFERS)`. {TEXT}",
            OF_STATEMENT,
            {
                "Mean": (f"{LAST}_mean_exec_seconds{IN} and {SLOWEST}", "s", above("PostgresSlowStatement")),
                "Calls": (f"{LAST}_calls{IN} and {SLOWEST}", "short"),
                "Total": (f"{LAST}_seconds{IN} and {SLOWEST}", "s"),
                "query": texts(f"({LAST}_seconds{IN} and {SLOWEST})"),
            },
            sort="Mean",
            widths=STATEMENT_WIDTHS,
            height=10,
            runbook="postgres#PostgresSlowStatement",
        ),
        rows(
            "Costliest statements: the time shown",
            "The 20 statements that took most time in the time range of the dashboard, and why: blocks read each call "
            "want an index or more memory, temporary blocks more work_mem. Longest is a single run, of any time. "
            f"{TEXT}",
            OF_STATEMENT,
            {
                "Total": (COSTLIEST, "s"),
                "Share": (
                    f"{COSTLIEST} / on (instance, target) group_left () ({by_server(while_shown('seconds'))} > 0)",
                    "percentunit",
                ),
                "Calls": (of_costliest("calls"), "locale"),
                "Mean": (of_costliest("seconds", each_call=True), "s", above("PostgresSlowStatement")),
                "Longest": (f"pg_stat_statements_max_exec_seconds{IN} and on ({STATEMENT}) {COSTLIEST}", "s"),
                "Rows each": (of_costliest("rows", each_call=True), "short"),
                "Read each": (of_costliest("shared_blocks_read", each_call=True), "short"),
                "Temp each": (of_costliest("temp_blocks_written", each_call=True), "short"),
                "WAL": (of_costliest("wal_bytes"), "bytes"),
                "query": texts(COSTLIEST),
            },
            sort="Total",
            widths=STATEMENT_WIDTHS
            | {"Share": 80, "Longest": 80, "Rows each": 80, "Read each": 80, "Temp each": 85, "WAL": 80},
            height=10,
            runbook="postgres#PostgresSlowStatement",
        ),
        graph(
            "Mean duration",
            "Mean execution time of all statements of a database. If it rises while calls do not, the server or a plan "
            "has changed.",
            (f"{by_database(f'{LAST}_seconds{IN}')} / ({by_database(f'{LAST}_calls{IN}')} > 0)", DATABASE),
            unit="s",
            width=6,
        ),
        graph(
            "Time in statements",
            "Seconds of execution a second: how many sessions are at work on average. More than the server has cores "
            "means that they wait, for CPU, disk or locks.",
            (
                f"{by_database(f'{LAST}_seconds{IN}')} / on (instance, target) group_left () "
                f"({by_server(f'{LAST}_duration_seconds{ALL}', 'max')} > 0)",
                DATABASE,
            ),
            width=6,
        ),
        graph(
            "Slowest statements",
            "Means of five minutes, as the alert takes them. The text of a query id is in the tables above.",
            (
                f"avg_over_time({LAST}_mean_exec_seconds{IN}[5m])"
                f" and topk(6, max_over_time({LAST}_mean_exec_seconds{IN}[$__range]))",
                "{{target}} {{datname}} {{user}} {{queryid}}",
            ),
            unit="s",
            thresholds=above("PostgresSlowStatement"),
            width=6,
            runbook="postgres#PostgresSlowStatement",
        ),
        graph(
            "How many are slow",
            "Statements whose mean was longer than 0.1, 0.5 and 1 s in an interval; the line is the alert's, for 0.1 "
            "s. Many at once: not their plans, but disk, locks or CPU.",
            (
                f"sum by (instance, target, threshold) (pg_slow_statements{IN})",
                "{{target}} {{instance}} > {{threshold}} s",
            ),
            thresholds=above("PostgresManySlowStatements"),
            width=6,
            runbook="postgres#PostgresManySlowStatements",
        ),
    ),
    group(
        "Locks and waits",
        graph(
            "Blocked sessions",
            "Sessions that wait for others' locks, and the root blockers: those that others wait for and that wait for "
            "nobody. `pg_blocking_pids` finds them; to end them sets the queue free.",
            (BLOCKED, f"{SERVER} blocked"),
            (by_server(f"pg_root_blockers{ALL}"), f"{SERVER} root blockers"),
            thresholds=above("PostgresLockWaits"),
            width=6,
            runbook="postgres#PostgresLockWaits",
        ),
        graph(
            "Longest wait for a lock",
            "How long the session has waited that waits longest. PostgreSQL 14 and later.",
            (by_database(f"pg_blocked_sessions_longest_wait_seconds{IN}", "max"), DATABASE),
            unit="s",
            width=6,
            runbook="postgres#PostgresLockWaits",
        ),
        graph(
            "Lock waits by mode",
            "Locks that sessions wait for. sharelock is mostly a row's, exclusivelock a row's with a queue before it; "
            "accessexclusivelock is DDL that waits, and everybody behind it.",
            (
                f"sum by (instance, target, mode) ({seen('pg_locks_waiting', IN)})",
                "{{target}} {{instance}} {{mode}}",
            ),
            width=6,
            runbook="postgres#PostgresLockWaits",
        ),
        graph(
            "Deadlocks in ten minutes",
            "Each has ended a transaction. The server's log has both statements: let them take locks in the same "
            "order.",
            (by_database(f"increase(pg_stat_database_deadlocks{IN}[10m])"), DATABASE),
            thresholds=above("PostgresDeadlocks"),
            width=6,
            runbook="postgres#PostgresDeadlocks",
        ),
        graph(
            "What processes wait for",
            "Processes at work by what holds them up; CPU is none. Many on one event of Lock, LWLock or IO show what "
            "the server is short of.",
            (
                f"({WAITS} or 0 * {WAITS_SHOWN}) and topk(8, {WAITS_SHOWN})",
                "{{target}} {{instance}} {{wait_event_type}} {{wait_event}}",
            ),
            stacked=True,
            width=24,
        ),
    ),
    group(
        "Cache, rows and disk",
        graph(
            "Cache hits",
            "Blocks found in shared_buffers as part of all. Servers with fewer than "
            f"{minimum('PostgresCacheHits')} blocks a second are left out. Low: a scan of a large table, or too little "
            "memory; the costliest statements say which.",
            (cache_hits("$__rate_interval"), SERVER),
            unit="percentunit",
            minimum=None,
            maximum=1,
            thresholds=below("PostgresCacheHits"),
            runbook="postgres#PostgresCacheHits",
        ),
        graph(
            "Rows read",
            "Rows that scans went through, and rows that index scans fetched. Far more of the former: tables are read "
            "from end to end where an index would help.",
            (by_database(rate("pg_stat_database_tup_returned")), f"{DATABASE} scanned"),
            (by_database(rate("pg_stat_database_tup_fetched")), f"{DATABASE} fetched"),
            unit="cps",
        ),
        graph(
            "Rows written",
            "Rows inserted, updated and deleted a second.",
            (f"{by_database(rate('pg_stat_database_tup_inserted'))} > 0", f"{DATABASE} inserted"),
            (f"{by_database(rate('pg_stat_database_tup_updated'))} > 0", f"{DATABASE} updated"),
            (f"{by_database(rate('pg_stat_database_tup_deleted'))} > 0", f"{DATABASE} deleted"),
            unit="cps",
        ),
        graph(
            "Time in reads and writes",
            "Time that sessions spent reading and writing blocks, each second: at 1 s one session does nothing else. 0 "
            "unless track_io_timing is on.",
            (f"{by_database(rate('pg_stat_database_blk_read_time'))} / 1000", f"{DATABASE} reading"),
            (f"{by_database(rate('pg_stat_database_blk_write_time'))} / 1000", f"{DATABASE} writing"),
            unit="s",
            width=12,
        ),
        graph(
            "Temporary files",
            "Bytes a second that sorts and hashes wrote to disk because work_mem was too small for them. The column "
            "Temp each above has the statements.",
            (by_database(rate("pg_stat_database_temp_bytes")), DATABASE),
            unit="Bps",
            width=12,
        ),
    ),
    group(
        "Sizes, tables and indexes",
        graph(
            "Database size",
            "Disk space of each database.",
            (by_database(f"pg_database_size_bytes{IN}"), DATABASE),
            unit="bytes",
            width=6,
            runbook="postgres#PostgresDatabaseGrows",
        ),
        rows(
            "Databases and their growth",
            "Growth is of 24 hours, or as far back as Prometheus remembers. Its alert leaves out databases below 1 "
            "GiB. Used ids are those of Transaction ids used up, below. A damaged page is lost data: see the runbook "
            "PostgresChecksums before anything else.",
            OF_DATABASE,
            {
                "Size": (f"pg_database_size_bytes{IN}", "bytes"),
                "Growth": (f"delta(pg_database_size_bytes{IN}[1d])", "bytes"),
                "Growth, part": (
                    f"delta(pg_database_size_bytes{IN}[1d])"
                    f" / (pg_database_size_bytes{IN} - delta(pg_database_size_bytes{IN}[1d]) > 0)",
                    "percentunit",
                ),
                "Ids used": (used_ids(IN), "percentunit", above("PostgresWraparound")),
                "Damaged pages": (DAMAGED, "short", steps(GREEN, (1, RED)), {-1: ("not checked", YELLOW)}),
            },
            sort="Size",
            widths=DATABASE_WIDTHS,
            width=12,
            height=8,
            runbook="postgres#PostgresDatabaseGrows",
        ),
        graph(
            "Vacuums at work",
            "How much of its table a vacuum has scanned. Empty where none runs.",
            (
                "max by (instance, target, datname, relname) ("
                f"pg_stat_progress_vacuum_heap_blks_scanned{IN} / (pg_stat_progress_vacuum_heap_blks{IN} > 0))",
                f"{DATABASE} {{{{relname}}}}",
            ),
            unit="percentunit",
            maximum=1,
            width=6,
        ),
        rows(
            "Largest tables",
            "The 30 largest of primaries. Many rows a second by sequential scans in a large table: an index is "
            "missing.",
            OF_TABLE,
            {
                "Size": (LARGEST, "bytes"),
                "Of it indexes": (f"pg_stat_user_tables_index_size_bytes{IN} and {LARGEST}", "bytes"),
                "Growth in 24 h": (
                    f"delta(pg_stat_user_tables_table_size_bytes{IN}[1d])"
                    f" + delta(pg_stat_user_tables_index_size_bytes{IN}[1d]) and {LARGEST}",
                    "bytes",
                ),
                "Rows": (f"pg_stat_user_tables_n_live_tup{IN} and {LARGEST}", "short"),
                "Rows/s by sequential scans": (
                    f"rate(pg_stat_user_tables_seq_tup_read{IN}[$__rate_interval]) and {LARGEST}",
                    "short",
                ),
                "Index scans/s": (
                    f"rate(pg_stat_user_tables_idx_scan{IN}[$__rate_interval]) and {LARGEST}",
                    "short",
                ),
            },
            sort="Size",
            width=24,
            height=9,
        ),
        rows(
            "Dead rows and last vacuum",
            "The 30 tables of primaries with most dead rows. The part of them is told from "
            f"{int(minimum('PostgresDeadRows')):,} on, as in the alert. No time: never. Where vacuum ran and dead rows "
            "stay, something holds them: see Oldest in sight.",
            OF_TABLE,
            {
                "Dead rows": (MOST_DEAD, "short"),
                "Dead part": (
                    f"(pg_stat_user_tables_n_dead_tup{IN} > {minimum('PostgresDeadRows')})"
                    f" / (pg_stat_user_tables_n_dead_tup{IN} + pg_stat_user_tables_n_live_tup{IN}) {OF_PRIMARIES}",
                    "percentunit",
                    above("PostgresDeadRows"),
                ),
                "Live rows": (f"pg_stat_user_tables_n_live_tup{IN} and {MOST_DEAD}", "short"),
                "Last vacuum": (last("vacuum"), "dateTimeFromNow"),
                "Last analyze": (last("analyze"), "dateTimeFromNow"),
                "Changed since analyze": (f"pg_stat_user_tables_n_mod_since_analyze{IN} and {MOST_DEAD}", "short"),
            },
            sort="Dead rows",
            height=9,
            runbook="postgres#PostgresDeadRows",
        ),
        rows(
            "Useless indexes",
            "Unused: never scanned here since statistics were reset, and keep nothing unique; look at standbys too "
            "before you drop one; their size is as of the last vacuum. Duplicate: one of each is enough. Invalid: drop "
            "or reindex it.",
            OF_DATABASE,
            {
                "Unused": (f"pg_indexes_unused{IN}", "short", steps(GREEN, (1, YELLOW))),
                "Unused size": (f"pg_indexes_unused_bytes{IN}", "bytes"),
                "Duplicate": (f"pg_indexes_duplicate{IN}", "short", steps(GREEN, (1, YELLOW))),
                "Invalid": (f"pg_indexes_invalid{IN}", "short", steps(GREEN, (1, ORANGE))),
            },
            sort="Unused size",
            widths=PLACE | dict.fromkeys(("Unused", "Unused size", "Duplicate", "Invalid"), 95),
            width=12,
            height=8,
            runbook="postgres#PostgresInvalidIndex",
        ),
        rows(
            "Indexes without a scan",
            "The 30 largest by name, those of primary keys and unique constraints included, which must stay. Needs "
            "`--collector.stat_user_indexes`, which is off by default.",
            OF_TABLE | {"indexrelname": "Index"},
            {
                "Size": (
                    f"topk(30, pg_stat_user_indexes_size_bytes{IN} and pg_stat_user_indexes_idx_scan_total{IN} == 0)",
                    "bytes",
                ),
            },
            sort="Size",
            width=12,
            height=8,
        ),
    ),
    group(
        "Checkpoints and write-ahead log",
        graph(
            "Checkpoints in an hour",
            "Requested ones come before their time, mostly because max_wal_size is too small: raise it where they are "
            "the greater part.",
            (CHECKPOINTS["requested"], f"{SERVER} requested"),
            (CHECKPOINTS["timed"], f"{SERVER} timed"),
            width=6,
            runbook="postgres#PostgresCheckpoints",
        ),
        graph(
            "Write-ahead log made",
            "Bytes a second that archive and standbys have to follow. PostgreSQL 14 and later.",
            (by_server(f"rate(pg_stat_wal_bytes_total{ALL}[$__rate_interval])"), SERVER),
            unit="Bps",
            width=6,
        ),
        graph(
            "Write-ahead log kept",
            "Disk space of pg_wal against max_wal_size. Far above it, a slot or a failing archive holds it: the disk "
            "fills up, and then the server stops. Never delete from pg_wal.",
            (by_server(f"pg_wal_size_bytes{ALL}"), f"{SERVER} kept"),
            (by_server(f"pg_settings_max_wal_size_bytes{ALL}"), f"{SERVER} max_wal_size"),
            unit="bytes",
            width=6,
            runbook="postgres#PostgresSlotInactive",
        ),
        graph(
            "Archive failures in 15 minutes",
            "Attempts to archive a file that failed. The server's log has what archive_command said; until it works, "
            "log is kept.",
            (by_server(f"increase(pg_stat_archiver_failed_count{ALL}[15m])"), SERVER),
            thresholds=above("PostgresArchiving"),
            width=6,
            runbook="postgres#PostgresArchiving",
        ),
    ),
    group(
        "Replication",
        graph(
            "Lag of standbys",
            "Seconds that standbys are behind, by their own account.",
            (by_server(LAG, "max"), SERVER),
            unit="s",
            thresholds=above("PostgresReplicationLag"),
            runbook="postgres#PostgresReplicationLag",
        ),
        rows(
            "Receivers, as their senders see them",
            "Log that was not yet sent, brought to disk and replayed. Not sent: network or a slow receiver. Not "
            "replayed: a query on the standby is in the way, or its disk.",
            OF_SERVER
            | {"application_name": "Application", "client_addr": "Address", "state": "State", "slot_name": "Slot"},
            {
                "Not sent": (f"pg_stat_replication_sent_lag_bytes{ALL}", "bytes"),
                "Not on disk": (f"pg_stat_replication_flush_lag_bytes{ALL}", "bytes"),
                "Not replayed": (f"pg_stat_replication_pg_wal_lsn_diff{ALL}", "bytes"),
                "Replay lag": (REPLAY_LAG, "s", above("PostgresReplicationLag")),
            },
            widths=PLACE | {"Application": 120, "Address": 130, "State": 90, "Slot": 100},
            width=16,
            height=8,
            runbook="postgres#PostgresReplicationLag",
        ),
        rows(
            "Slots",
            "A slot that nobody reads keeps log until the disk is full: drop it if its reader is gone for good. May "
            "grow by: what can still be written before the slot is in danger, where max_slot_wal_keep_size is set.",
            OF_SERVER | {"slot_name": "Slot"},
            {
                "Read": (
                    f"pg_replication_slots_slot_is_active{ALL}",
                    "short",
                    {0: ("by nobody", ORANGE), 1: ("yes", GREEN)},
                ),
                "Log": (
                    wal_status(),
                    "short",
                    {
                        0: ("reserved", GREEN),
                        1: ("extended", YELLOW),
                        2: ("unreserved", RED),
                        3: ("lost", RED),
                    },
                ),
                "Keeps": (f"pg_replication_slots_pg_wal_lsn_diff{ALL}", "bytes"),
                "May grow by": (MAY_GROW, "bytes", {-1: ("no limit", YELLOW)}),
            },
            sort="Keeps",
            widths=PLACE | {"Slot": 130, "Read": 90, "Log": 100},
            width=12,
            height=8,
            runbook="postgres#PostgresSlotInactive",
        ),
        graph(
            "Log kept for slots",
            "Bytes from what a slot may still need to the end of the log. One that only grows will fill the disk.",
            (
                f"max by (instance, target, slot_name) (pg_replication_slots_pg_wal_lsn_diff{ALL})",
                "{{target}} {{instance}} {{slot_name}}",
            ),
            unit="bytes",
            width=6,
            runbook="postgres#PostgresSlotInactive",
        ),
        graph(
            "Queries cancelled on standbys",
            "Queries a second that were in the way of recovery. hot_standby_feedback or a longer "
            "max_standby_streaming_delay helps, at the price of bloat or lag.",
            (by_database(f"{rate('pg_stat_database_conflicts')} {OF_STANDBYS}"), DATABASE),
            unit="cps",
            width=6,
        ),
    ),
    group(
        "Wraparound, horizon and sequences",
        graph(
            "Transaction ids used up",
            "The greater part of transaction ids and multixact ids, of the database with most, templates included. "
            "Shortly before 100 % the server accepts no more writes. Remove what holds the oldest, then vacuum.",
            (by_server(used_ids(ALL), "max"), SERVER),
            unit="percentunit",
            thresholds=above("PostgresWraparound"),
            width=6,
            runbook="postgres#PostgresWraparound",
        ),
        graph(
            "Until autovacuum freezes",
            "Age as part of autovacuum_freeze_max_age: at 100 % autovacuum begins to freeze, which is normal. Well "
            "above it, it does not get done: see Vacuums at work, and Oldest in sight.",
            (by_server(f"pg_database_freeze_max_age_ratio{ALL}", "max"), SERVER),
            unit="percentunit",
            thresholds=steps(GREEN, (1.1, ORANGE)),
            width=6,
            runbook="postgres#PostgresWraparound",
        ),
        graph(
            "Oldest in sight",
            "How many transactions ago the oldest began that somebody still has in sight: rows deleted since stay. End "
            "the session, drop the slot or roll back the prepared transaction that holds it.",
            (
                f"max by (instance, target, holder) ({seen('pg_xmin_horizon_age_transactions', ALL)})",
                "{{target}} {{instance}} {{holder}}",
            ),
            width=6,
            runbook="postgres#PostgresDeadRows",
        ),
        graph(
            "Sequences used up",
            "The five fullest. At 100 % inserts fail: change the column and its sequence to bigint. The role needs "
            "SELECT on sequences, which pg_read_all_data gives; `stack-exporter check` names those that it lacks.",
            (
                f"topk(5, max by (instance, target, datname, schemaname, sequencename) (pg_sequence_used_ratio{IN}))",
                f"{DATABASE} {{{{schemaname}}}}.{{{{sequencename}}}}",
            ),
            unit="percentunit",
            thresholds=above("PostgresSequence"),
            width=6,
            runbook="postgres#PostgresSequence",
        ),
    ),
    group(
        "PgBouncer, whatever target is chosen",
        rows(
            "Pools",
            "A line for each pool. Clients wait and no server is idle: transactions are long, or the pool is too "
            "small. Clients wait while servers are idle: the database is paused, or cannot be reached.",
            OF_SERVER | {"database": "Database", "user": "User"},
            {
                "Clients": (f"pgbouncer_pools_client_active_connections{POOLS}", "short"),
                "Waiting": (
                    f"pgbouncer_pools_client_waiting_connections{POOLS}",
                    "short",
                    steps(GREEN, (1, YELLOW)),
                ),
                "First waits": (
                    f"pgbouncer_pools_client_maxwait_seconds{POOLS}",
                    "s",
                    above("PgBouncerClientsWait"),
                ),
                "Servers at work": (f"pgbouncer_pools_server_active_connections{POOLS}", "short"),
                "Servers idle": (
                    f"pgbouncer_pools_server_idle_connections{POOLS} + pgbouncer_pools_server_used_connections{POOLS}",
                    "short",
                ),
            },
            sort="First waits",
            widths=PLACE | dict.fromkeys(("Clients", "Waiting", "First waits", "Servers at work", "Servers idle"), 95),
            width=12,
            height=8,
            runbook="postgres#PgBouncerClientsWait",
        ),
        graph(
            "Clients of PgBouncer",
            "Clients connected against max_client_conn, and those that wait for a server. It does not answer at all: "
            "no lines, see the runbook PgBouncerDown.",
            (by_server("pgbouncer_used_clients{HERE}", "max"), f"{SERVER} connected"),
            (by_server(f"pgbouncer_pools_client_waiting_connections{POOLS}"), f"{SERVER} waiting"),
            (by_server("pgbouncer_config_max_client_connections{HERE}", "max"), f"{SERVER} at most"),
            width=6,
            runbook="postgres#PgBouncerDown",
        ),
        graph(
            "Waiting for a server",
            "Seconds that a statement's client waited for a server, and seconds that the server worked, on average of "
            "statements. Much waiting and little work: the pool is too small.",
            (each_pooled("client_wait_seconds"), "{{target}} {{instance}} {{database}} waiting"),
            (each_pooled("queries_duration_seconds"), "{{target}} {{instance}} {{database}} at work"),
            unit="s",
            width=6,
            runbook="postgres#PgBouncerClientsWait",
        ),
    ),
    targets="pg_up{HERE}",
    choices=[variable("database", "Database", 'pg_database_size_bytes{TARGET,datname!~"template[01]"}', of="datname")],
)
