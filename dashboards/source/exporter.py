"""How the exporter itself is: what it collects, what it costs, what it could not read."""

from pages import group, page
from panels import UP, bars, figure, graph, rows, states
from thresholds import GREEN, ORANGE, RED, above, steps

OURS = "and on (job, instance) stack_exporter_build_info"
PAGES = 'HERE,handler=~"/metrics|/probe|/scrape"'

PAGE = page(
    "exporter",
    "Exporter",
    "Whether figures can be trusted: what was collected, how long it took, what was left out, and what that costs.",
    "stack_exporter_collector_success",
    group(
        "",
        figure(
            "Exporter",
            "Whether Prometheus reaches the exporter. If it is down nothing else here is of now: see its container or "
            "unit, then its log.",
            (f"min(up{{HERE}} {OURS})", ""),
            mappings=UP,
            thresholds=steps(RED, (1, GREEN)),
            runbook="requests#TargetDown",
        ),
        figure(
            "Collectors that fail",
            "How many collectors did not deliver everything at the last scrape. The table below has their reasons, and "
            "`stack-exporter check` says how to mend them.",
            ("count(stack_exporter_collector_success{TARGET} == 0) or vector(0)", ""),
            thresholds=steps(GREEN, (1, ORANGE)),
            runbook="exporter#ExporterCollector",
        ),
        figure(
            "Samples left out",
            "Samples that were left out of pages in the last 15 minutes, because they were twice there, not valid, or "
            "too many.",
            ("sum(increase(stack_exporter_samples_dropped_total{HERE}[15m]))", ""),
            thresholds=above("ExporterSamplesDropped"),
            runbook="exporter#ExporterSamplesDropped",
            decimals=0,
        ),
        figure(
            "Scrape",
            "How long Prometheus waited for the last page.",
            (f"max(scrape_duration_seconds{{HERE}} {OURS})", ""),
            unit="s",
            thresholds=steps(GREEN, (2, ORANGE), (8, RED)),
            runbook="exporter#ExporterSlowScrape",
        ),
        figure(
            "Memory",
            "Resident memory. It grows with the number of series, not with time: what grows without end is a defect.",
            (f"max(process_resident_memory_bytes{{HERE}} {OURS})", ""),
            unit="bytes",
        ),
        figure(
            "CPU",
            "CPU time a second.",
            (f"max(rate(process_cpu_seconds_total{{HERE}}[$__rate_interval]) {OURS})", ""),
            unit="percentunit",
        ),
    ),
    group(
        "Targets and collectors",
        states(
            "Targets",
            "A target is up where at least one of its collectors delivered. One that is down has its reason in the "
            "table.",
            ("max by (instance, target) (stack_exporter_collector_success{TARGET})", "{{target}} {{instance}}"),
            mappings=UP,
            runbook="exporter#ExporterTarget",
        ),
        graph(
            "Time by target",
            "How long the collectors of a target worked at a scrape. Targets are collected side by side, so a slow one "
            "does not hold up others.",
            (
                "sum by (instance, target) (stack_exporter_collector_duration_seconds{TARGET})",
                "{{target}} {{instance}}",
            ),
            unit="s",
        ),
        bars(
            "Slowest collectors",
            "Mean over the time shown. One that takes long can be switched off, or be given a longer interval.",
            (
                "topk(9, max by (target, collector) "
                "(avg_over_time(stack_exporter_collector_duration_seconds{TARGET}[$__range])))",
                "{{target}} {{collector}}",
            ),
            unit="s",
        ),
        rows(
            "Collectors that fail, and why",
            "Each reason stands once for a collector. `stack-exporter check` tells what to type to mend it.",
            {"instance": "Instance", "target": "Target", "collector": "Collector", "reason": "Reason"},
            {"Failing": ("stack_exporter_collector_error{TARGET}", "short")},
            none="none",
            width=12,
            height=9,
            runbook="exporter#ExporterCollector",
        ),
        graph(
            "Age of facts",
            "How old the oldest facts are that are not read at every scrape. What is costly to ask for is asked for "
            "seldom.",
            ("max by (instance, target) (stack_exporter_collector_age_seconds{TARGET})", "{{target}} {{instance}}"),
            unit="s",
            width=12,
            height=9,
        ),
    ),
    group(
        "What it costs",
        graph(
            "Scrapes",
            "How long Prometheus waited for a page. It gives up after its scrape_timeout, and then has nothing.",
            (f"scrape_duration_seconds{{HERE}} {OURS}", "{{job}} {{instance}}"),
            unit="s",
            runbook="exporter#ExporterSlowScrape",
        ),
        graph(
            "Samples in a page",
            "Samples that Prometheus took from a page. A jump is something new that is collected, or names without "
            "end.",
            (f"scrape_samples_scraped{{HERE}} {OURS}", "{{job}} {{instance}}"),
        ),
        graph(
            "Size of a page",
            "Mean bytes sent for a page, compressed where the scraper takes it so.",
            (
                f"sum by (instance) (rate(http_response_size_bytes_sum{{{PAGES}}}[$__rate_interval]) {OURS}) "
                f"/ (sum by (instance) (rate(http_response_size_bytes_count{{{PAGES}}}[$__rate_interval]) {OURS}) > 0)",
                "{{instance}}",
            ),
            unit="bytes",
        ),
        graph(
            "Connections to servers",
            "Open connections: one to a server, one more for Celery's events, and one to each further database.",
            ("sum by (instance, target) (stack_exporter_connections{TARGET})", "{{target}} {{instance}}"),
        ),
        graph(
            "Gathers",
            "Collections a second, and requests that shared one that was under way instead of starting another.",
            ("sum by (instance) (rate(stack_exporter_gathers_total{HERE}[$__rate_interval]))", "gathers {{instance}}"),
            (
                "sum by (instance) (rate(stack_exporter_gathers_shared_total{HERE}[$__rate_interval]))",
                "shared {{instance}}",
            ),
            unit="ops",
        ),
        graph(
            "Samples left out",
            "Samples a minute that were left out of pages, by reason.",
            (
                "sum by (instance, reason) (rate(stack_exporter_samples_dropped_total{HERE}[$__rate_interval])) * 60",
                "{{reason}} {{instance}}",
            ),
            runbook="exporter#ExporterSamplesDropped",
        ),
        graph(
            "Memory",
            "Resident memory of the process. It grows with the number of series, not with time.",
            (f"process_resident_memory_bytes{{HERE}} {OURS}", "{{instance}}"),
            unit="bytes",
        ),
        graph(
            "CPU",
            "CPU time a second, 100 % is one core.",
            (f"rate(process_cpu_seconds_total{{HERE}}[$__rate_interval]) {OURS}", "{{instance}}"),
            unit="percentunit",
        ),
        graph(
            "File descriptors",
            "Open ones as part of what is allowed. Connections, watched files and answers under way take one each.",
            (f"process_open_fds{{HERE}} / process_max_fds {OURS}", "{{instance}}"),
            unit="percentunit",
        ),
    ),
    targets="stack_exporter_collector_success{HERE}",
)
