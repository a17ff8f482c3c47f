"""Requests to any service that has http_requests_total{status} and http_request_duration_seconds."""

from pages import group, page, variable
from panels import figure, graph, rows
from thresholds import above, steps

CHOSEN = 'HERE,handler=~"$handler"'
ALL = f"http_requests_total{{{CHOSEN}}}"
ERRORS = f'http_requests_total{{{CHOSEN},status=~"5.."}}'
REFUSED = f'http_requests_total{{{CHOSEN},status=~"4.."}}'


def error_ratio(by: str = "", window: str = "$__rate_interval", of: str = CHOSEN) -> str:
    """Answers with 5xx as part of all: 0 where there are none of them, and nothing where there are no requests."""
    every = f"sum by ({by}) (rate(http_requests_total{{{of}}}[{window}]))"
    errors = f'sum by ({by}) (rate(http_requests_total{{{of},status=~"5.."}}[{window}]))'
    return f"({errors} or 0 * {every}) / ({every} > 0)"


def quantile(quantile: float, by: str = "", window: str = "$__rate_interval", of: str = CHOSEN) -> str:
    """Seconds; nothing where there were no requests."""
    buckets = f"http_request_duration_seconds_bucket{{{of}}}"
    labels = f"{by}, le" if by else "le"
    return f"histogram_quantile({quantile}, sum by ({labels}) (rate({buckets}[{window}]))) >= 0"


def durations(of: str = CHOSEN) -> list[tuple[str, str]]:
    return [(quantile(value, of=of), name) for value, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))]


PAGE = page(
    "requests",
    "Requests",
    "Rate, errors and durations of any service that serves `http_requests_total{status}` and "
    "`http_request_duration_seconds`; by default those of the exporter itself.",
    "http_requests_total",
    group(
        "",
        figure(
            "Requests",
            "Requests a second. If they halve without a reason clients no longer come through: look before the "
            "service.",
            (f"sum(rate({ALL}[$__rate_interval]))", ""),
            unit="reqps",
            runbook="requests#TrafficHalved",
        ),
        figure(
            "Errors",
            "Answers with a status of 5xx as part of all. Errors by handler, below, says where they come from.",
            (error_ratio(), ""),
            unit="percentunit",
            thresholds=above("RequestErrors"),
            runbook="requests#RequestErrors",
        ),
        figure(
            "Median",
            "Half of all requests were answered within this time.",
            (quantile(0.5), ""),
            unit="s",
        ),
        figure(
            "p95",
            "95 of 100 requests were answered within this time. See the slowest handlers, below.",
            (quantile(0.95), ""),
            unit="s",
            thresholds=above("RequestLatency"),
            runbook="requests#RequestLatency",
        ),
        figure(
            "Good answers",
            "The part of all requests in the time shown that did not end with 5xx; 99.9 % is the objective of our "
            "rules.",
            (f"1 - {error_ratio(window='$__range')}", ""),
            unit="percentunit",
            decimals=3,
            thresholds=steps("red", (0.99, "orange"), (0.999, "green")),
            runbook="requests#ErrorBudgetBurn",
        ),
        figure(
            "In flight",
            "Requests whose answers are being made. Many at once are a slow service, or one that waits for another.",
            (f"sum(http_requests_in_flight{{{CHOSEN}}})", ""),
        ),
    ),
    group(
        "Rate and errors",
        graph(
            "Requests by service",
            "Requests a second, by instance.",
            (f"sum by (job, instance) (rate({ALL}[$__rate_interval]))", "{{job}} {{instance}}"),
            unit="reqps",
            runbook="requests#TrafficHalved",
        ),
        graph(
            "Requests by status",
            "Requests a second. 4xx are the client's mistakes, 5xx the service's.",
            (f"sum by (status) (rate({ALL}[$__rate_interval]))", "{{status}}"),
            unit="reqps",
            stacked=True,
        ),
        graph(
            "Errors",
            "Answers with a status of 5xx as part of all, with what alerts are sent at.",
            (error_ratio("job, instance"), "{{job}} {{instance}}"),
            unit="percentunit",
            thresholds=above("RequestErrors"),
            runbook="requests#RequestErrors",
        ),
        graph(
            "Errors by handler",
            "Answers a second with a status of 5xx. One handler alone points to its code or to what only it needs; all "
            "of them to what they share.",
            (
                f"sum by (job, handler, status) (rate({ERRORS}[$__rate_interval])) or on () vector(0)",
                "{{job}} {{handler}} {{status}}",
            ),
            unit="reqps",
            runbook="requests#RequestErrors",
        ),
        graph(
            "Refused by handler",
            "Answers a second with a status of 4xx: wrong addresses, missing passwords, clients that gave up (499).",
            (
                f"sum by (job, handler, status) (rate({REFUSED}[$__rate_interval])) or on () vector(0)",
                "{{job}} {{handler}} {{status}}",
            ),
            unit="reqps",
        ),
        graph(
            "In flight by handler",
            "Requests whose answers are being made. If they pile up, what the handler waits for is slow.",
            (f"sum by (job, handler) (http_requests_in_flight{{{CHOSEN}}})", "{{job}} {{handler}}"),
        ),
    ),
    group(
        "Durations and sizes",
        graph(
            "Durations",
            "Within what time half, 95 and 99 of 100 requests were answered.",
            *durations(),
            unit="s",
            thresholds=above("RequestLatency"),
            runbook="requests#RequestLatency",
        ),
        graph(
            "p95 by handler",
            "Within what time 95 of 100 requests were answered, by handler.",
            (quantile(0.95, "job, handler"), "{{job}} {{handler}}"),
            unit="s",
            runbook="requests#RequestLatency",
        ),
        graph(
            "Sizes by handler",
            "Mean size of answers, for services with http_response_size_bytes.",
            (
                f"sum by (job, handler) (rate(http_response_size_bytes_sum{{{CHOSEN}}}[$__rate_interval])) "
                f"/ (sum by (job, handler) (rate(http_response_size_bytes_count{{{CHOSEN}}}[$__rate_interval])) > 0)",
                "{{job}} {{handler}}",
            ),
            unit="bytes",
        ),
        rows(
            "Slowest handlers",
            "What each handler did in the time shown, the slowest first.",
            {"job": "Service", "handler": "Handler"},
            {
                "p95": (quantile(0.95, "job, handler", "$__range"), "s", above("RequestLatency")),
                "Mean": (
                    f"sum by (job, handler) (rate(http_request_duration_seconds_sum{{{CHOSEN}}}[$__range])) "
                    f"/ (sum by (job, handler) (rate(http_request_duration_seconds_count{{{CHOSEN}}}[$__range])) > 0)",
                    "s",
                ),
                "Requests": (f"sum by (job, handler) (rate({ALL}[$__range]))", "reqps"),
                "Errors": (error_ratio("job, handler", "$__range"), "percentunit", above("RequestErrors")),
                "Sent": (f"sum by (job, handler) (rate(http_response_size_bytes_sum{{{CHOSEN}}}[$__range]))", "Bps"),
            },
            sort="p95",
            runbook="requests#RequestLatency",
        ),
    ),
    choices=[variable("handler", "Handler", "http_requests_total{HERE}", of="handler")],
)
