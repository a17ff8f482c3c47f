"""Dashboards: panels in groups, with the variables, links and annotations that all of them have."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as models

from expressions import expression
from panels import SOURCE
from thresholds import RED


def variable(name: str, label: str, values: str, of: str):
    """A choice of the values that a label has: `variable("database", "Database", "pg_up{HERE}", of="datname")`."""
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(f"label_values({expression(values)}, {of})")
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(models.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def group(title: str, *panels):
    """Panels under a heading."""
    return title, panels


def page(uid: str, title: str, text: str, served: str, *groups, targets: str = "", choices=(), time="now-1h"):
    """A dashboard of everything for which there is a metric like `served`.

    `targets` selects series whose targets can be chosen, where they can be, `choices` are further variables.
    """
    built = (
        dashboard.Dashboard(f"stack-exporter / {title}")
        .uid(f"stack-exporter-{uid}")
        .description(text)
        .tags(["stack-exporter"])
        .timezone("browser")
        .time(time, "now")
        .refresh("30s")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .link(
            dashboard.DashboardLink("Dashboards")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags(["stack-exporter"])
            .as_dropdown(True)
            .include_vars(True)
            .keep_time(True)
        )
        .annotation(
            dashboard.AnnotationQuery()
            .name("Critical alerts")
            .datasource(SOURCE)
            .enable(True)
            .icon_color(RED)
            .expr('ALERTS{alertstate="firing",severity="critical"}')
        )
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(variable("job", "Job", served, of="job"))
        .with_variable(variable("instance", "Instance", f'{served}{{job=~"$job"}}', of="instance"))
    )
    if targets:
        built = built.with_variable(variable("target", "Target", targets, of="target"))
    for choice in choices:
        built = built.with_variable(choice)
    number = 1
    for title, panels in groups:
        if title:
            built = built.with_row(dashboard.Row(title).id(number))
            number += 1
        for panel in panels:
            built = built.with_panel(panel.id(number))
            number += 1
    return built.build()
