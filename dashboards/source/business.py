"""The application's own figures: what the queries of docker/queries.yaml find in its tables."""

from pages import group, page
from panels import figure, graph, rows
from thresholds import GREEN, ORANGE, RED, above, steps

# A standby answers the queries too. What it has is its primary's, and is not counted twice.
ONCE = "unless on (job, instance, target) pg_replication_is_replica{TARGET} == 1"


def total(name: str, by: str = "") -> str:
    return f"sum {f'by ({by}) ' if by else ''}(app_{name}{{TARGET}} {ONCE})"


def mean_duration(by: str = "") -> str:
    """Of all jobs, where the queries tell it of the jobs of each queue."""
    grouped = f"by ({by}) " if by else ""
    ended = "(app_jobs_completed_last_hour{TARGET} + app_jobs_failed_last_hour{TARGET})"
    spent = f"app_jobs_mean_duration_seconds{{TARGET}} * {ended}"
    return f"sum {grouped}({spent} {ONCE}) / (sum {grouped}({ended} {ONCE}) > 0)"


def part(bad: str, good: str, by: str = "") -> str:
    return f"{total(bad, by)} / ({total(good, by)} + {total(bad, by)} > 0)"


FAILED = ("jobs_failed_last_hour", "jobs_completed_last_hour")
REJECTED = ("webhooks_rejected_last_hour", "webhooks_accepted_last_hour")
# Tokens are counted from midnight, where they begin again as counters do.
TOKENS = "increase(app_tokens_used_today{TARGET}[1h])"

PAGE = page(
    "business",
    "Business",
    "Jobs, webhooks and tokens, as docker/queries.yaml asks an application's tables for them. It is an example: write "
    "your own queries in its way, and change this page with them.",
    "app_jobs_waiting",
    group(
        "",
        figure(
            "Jobs completed",
            "Jobs that were completed in the last hour. None at all: no worker runs, or nobody asks.",
            (total("jobs_completed_last_hour"), ""),
            unit="locale",
            width=3,
        ),
        figure(
            "Jobs failed",
            "Jobs that failed in the last hour.",
            (total("jobs_failed_last_hour"), ""),
            unit="locale",
            width=3,
        ),
        figure(
            "Part that failed",
            "Failed jobs as part of those that ended in the last hour. The table below says of which queue; its "
            "workers' log says why. Colours are those of the alert on queues.",
            (part(*FAILED), ""),
            unit="percentunit",
            decimals=1,
            maximum=1,
            thresholds=above("QueueFailures"),
            none="no jobs",
            width=3,
            runbook="queues#QueueFailures",
        ),
        figure(
            "Mean duration",
            "From a job's creation to its end, waiting included, on average of the last hour's jobs.",
            (mean_duration(), ""),
            unit="s",
            none="no jobs",
            width=3,
        ),
        figure(
            "Jobs waiting",
            "Jobs that nobody has begun. Colours are those of the alert on queues.",
            (total("jobs_waiting"), ""),
            unit="locale",
            thresholds=above("QueueDepth"),
            width=3,
            runbook="queues#QueueDepth",
        ),
        figure(
            "Oldest waiting job",
            "How long the oldest job has waited. If it climbs by a second each second, this job is stuck, or no worker "
            "takes any: see whether others are completed.",
            (f"max(app_jobs_oldest_waiting_seconds{{TARGET}} {ONCE})", ""),
            unit="s",
            thresholds=above("QueueAge"),
            width=3,
            runbook="queues#QueueAge",
        ),
        figure(
            "Webhooks rejected",
            "Rejected webhooks as part of all of the last hour. Many of one source: its secret or its format changed.",
            (part(*REJECTED), ""),
            unit="percentunit",
            decimals=1,
            maximum=1,
            thresholds=steps(GREEN, (0.05, ORANGE), (0.2, RED)),
            none="no webhooks",
            width=3,
        ),
        figure(
            "Tokens today",
            "Tokens that language models took and gave since midnight, by the server's clock.",
            (total("tokens_used_today"), ""),
            unit="short",
            decimals=1,
            width=3,
        ),
    ),
    group(
        "Jobs",
        rows(
            "Queues",
            "Completed, failed and duration are of the last hour, waiting is of now.",
            {"queue": "Queue"},
            {
                "Waiting": (total("jobs_waiting", "queue"), "locale", above("QueueDepth")),
                "Oldest": (
                    f"max by (queue) (app_jobs_oldest_waiting_seconds{{TARGET}} {ONCE})",
                    "s",
                    above("QueueAge"),
                ),
                "Completed": (total("jobs_completed_last_hour", "queue"), "locale"),
                "Failed": (total("jobs_failed_last_hour", "queue"), "locale"),
                "Part failed": (part(*FAILED, by="queue"), "percentunit", above("QueueFailures")),
                "Mean duration": (mean_duration("queue"), "s"),
            },
            sort="Oldest",
            widths={"Queue": 150, "Waiting": 100, "Oldest": 110, "Completed": 110, "Failed": 100, "Part failed": 110},
            width=12,
            height=8,
            runbook="queues#QueueFailures",
        ),
        graph(
            "Completed in the last hour",
            "By queue, as the table has them: a sum of the hour before, so that it falls an hour after work stopped.",
            (total("jobs_completed_last_hour", "queue"), "{{queue}}"),
            width=6,
        ),
        graph(
            "Part that failed in the last hour",
            "Failed jobs as part of those that ended, by queue.",
            (part(*FAILED, by="queue"), "{{queue}}"),
            unit="percentunit",
            thresholds=above("QueueFailures"),
            width=6,
            runbook="queues#QueueFailures",
        ),
        graph(
            "Waiting",
            "Jobs that wait, by queue. If they grow and grow, workers are too few or too slow.",
            (total("jobs_waiting", "queue"), "{{queue}}"),
            thresholds=above("QueueDepth"),
            runbook="queues#QueueDepth",
        ),
        graph(
            "Oldest waiting",
            "How long the oldest job of a queue has waited.",
            (f"max by (queue) (app_jobs_oldest_waiting_seconds{{TARGET}} {ONCE})", "{{queue}}"),
            unit="s",
            thresholds=above("QueueAge"),
            runbook="queues#QueueAge",
        ),
        graph(
            "Mean duration",
            "From creation to end, on average of the last hour's jobs, by queue.",
            (mean_duration("queue"), "{{queue}}"),
            unit="s",
        ),
    ),
    group(
        "Webhooks and tokens",
        graph(
            "Webhooks accepted in the last hour",
            "By source. A source that falls to nothing has ceased to send, or no longer reaches us.",
            (total("webhooks_accepted_last_hour", "source"), "{{source}}"),
            width=6,
        ),
        graph(
            "Webhooks rejected in the last hour",
            "By source. The audit log has each of them.",
            (total("webhooks_rejected_last_hour", "source"), "{{source}}"),
            width=6,
        ),
        graph(
            "Tokens since midnight",
            "By model and direction, by the server's clock.",
            (total("tokens_used_today", "model, direction"), "{{model}} {{direction}}"),
            width=6,
        ),
        graph(
            "Tokens in an hour",
            "What was used in the hour before, by model and direction: at this rate the day goes on.",
            (f"sum by (model, direction) ({TOKENS} {ONCE})", "{{model}} {{direction}}"),
            width=6,
        ),
    ),
    targets="app_jobs_waiting{HERE}",
)
