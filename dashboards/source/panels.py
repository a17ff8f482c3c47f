"""Panels: each is a call with a title, a description that says what to do, and queries."""

import string
from pathlib import Path

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from expressions import expression
from thresholds import BLUE, GREEN, RED, absolute, lines, steps

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
UP = {0: ("down", RED), 1: ("up", GREEN)}

Query = tuple[str, str]  # what is asked for, and what the series are called: "{{state}}"


def described(panel, title: str, text: str, runbook: str, width: int, height: int):
    if runbook:
        name, alert = runbook.split("#")
        section = f"docker/runbooks/{name}.md"
        if f"\n## {alert}\n" not in (REPOSITORY / section).read_text():
            raise LookupError(f"{section} has no section {alert}, which panel {title} names")
        text += f" Runbook: {section}#{alert.lower()}"
    return panel.title(title).description(text).datasource(SOURCE).span(width).height(height)


def letter(number: int) -> str:
    """What Grafana calls the queries of a panel."""
    return string.ascii_uppercase[number]


def query(text: str, legend: str, ref: str, instant: bool = False, kind=PromQueryFormat.TIME_SERIES):
    built = prometheus.Dataquery().datasource(SOURCE).expr(expression(text)).legend_format(legend).ref_id(ref)
    return (built.instant() if instant else built.range()).format(kind)


def with_queries(panel, queries: tuple[Query, ...], instant: bool = False):
    for number, (text, legend) in enumerate(queries):
        panel = panel.with_target(query(text, legend, letter(number), instant))
    return panel


def with_field(panel, unit, thresholds, minimum, maximum, decimals, mappings):
    panel = panel.unit(unit)
    if thresholds:
        panel = panel.thresholds(absolute(thresholds))
    if minimum is not None:
        panel = panel.min(minimum)
    if maximum is not None:
        panel = panel.max(maximum)
    if decimals is not None:
        panel = panel.decimals(decimals)
    if mappings:
        panel = panel.mappings([value_map(mappings)])
    return panel


def value_map(mappings: dict) -> models.ValueMap:
    return models.ValueMap(
        {
            str(value): models.ValueMappingResult(text=text, color=color, index=index)
            for index, (value, (text, color)) in enumerate(mappings.items())
        }
    )


def now():
    return common.ReduceDataOptions().values(False).calcs(["lastNotNull"]).fields("")


def see(panel, uid: str, title: str):
    """A link to another dashboard of ours, with what is looked at and when."""
    carried = "${datasource:queryparam}&${job:queryparam}&${instance:queryparam}&${__url_time_range}"
    link = dashboard.DashboardLink(title).type(models.DashboardLinkType.LINK)
    return panel.links([link.url(f"/d/stack-exporter-{uid}?{carried}")])


def graph(
    title: str,
    text: str,
    *queries: Query,
    unit: str = "short",
    width: int = 8,
    height: int = 8,
    stacked: bool = False,
    thresholds=None,
    minimum: float | None = 0,
    maximum: float | None = None,
    decimals: int | None = None,
    runbook: str = "",
):
    """Lines over time, with dashed ones where alerts fire."""
    panel = described(timeseries.Panel(), title, text, runbook, width, height)
    drawn = lines(thresholds) if thresholds else None
    panel = with_field(with_queries(panel, queries), unit, drawn, minimum, maximum, decimals, None)
    if drawn:
        panel = panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(kinds.GraphTresholdsStyleMode.DASHED))
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(kinds.StackingMode.NORMAL).group("A"))
    legend = common.VizLegendOptions().show_legend(True).placement(kinds.LegendPlacement.BOTTOM)
    return (
        panel.legend(legend.display_mode(kinds.LegendDisplayMode.LIST).calcs([]))
        .tooltip(common.VizTooltipOptions().mode(kinds.TooltipDisplayMode.MULTI).sort(kinds.SortOrder.DESCENDING))
        .line_width(1)
        .fill_opacity(30 if stacked else 8)
        .show_points(kinds.VisibilityMode.AUTO)
        .color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.PALETTE_CLASSIC))
    )


def figure(
    title: str,
    text: str,
    *queries: Query,
    unit: str = "short",
    width: int = 4,
    height: int = 4,
    thresholds=None,
    mappings=None,
    decimals: int | None = None,
    maximum: float | None = None,
    none: str = "",
    special: dict[str, list[models.Threshold]] | None = None,
    runbook: str = "",
):
    """Values of now, large; without their course, which would show the last one of what is gone as if it were there.

    `none` is what stands where there is nothing, `special` the thresholds of single series by their legend.
    """
    panel = with_queries(described(stat.Panel(), title, text, runbook, width, height), queries, instant=True)
    panel = with_field(panel, unit, thresholds or steps(BLUE), 0, maximum, decimals, mappings)
    if none:
        panel = panel.no_value(none)
    for name, own in (special or {}).items():
        panel = panel.override_by_name(name, [models.DynamicConfigValue("thresholds", absolute(own).build())])
    return (
        panel.reduce_options(now())
        .graph_mode(kinds.BigValueGraphMode.NONE)
        .color_mode(kinds.BigValueColorMode.VALUE)
        .color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
    )


def bars(
    title: str,
    text: str,
    *queries: Query,
    unit: str = "short",
    width: int = 8,
    height: int = 8,
    thresholds=None,
    maximum: float | None = None,
    decimals: int | None = None,
    runbook: str = "",
):
    """The last values as bars, one below the other."""
    panel = described(bargauge.Panel(), title, text, runbook, width, height)
    panel = with_queries(panel, queries, instant=True)
    return (
        with_field(panel, unit, thresholds or steps(BLUE), 0, maximum, decimals, None)
        .reduce_options(now())
        .orientation(kinds.VizOrientation.HORIZONTAL)
        .display_mode(kinds.BarGaugeDisplayMode.BASIC)
        .color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
    )


def states(title: str, text: str, *queries: Query, mappings: dict, width: int = 8, height: int = 8, runbook: str = ""):
    """States over time, a band each: `mappings` is the words and colours of values."""
    panel = described(statetimeline.Panel(), title, text, runbook, width, height)
    panel = with_field(with_queries(panel, queries), "short", None, None, None, None, mappings)
    return (
        panel.show_value(kinds.VisibilityMode.NEVER)
        .merge_values(True)
        .row_height(0.8)
        .fill_opacity(80)
        .legend(common.VizLegendOptions().show_legend(False).display_mode(kinds.LegendDisplayMode.LIST).calcs([]))
        .tooltip(common.VizTooltipOptions().mode(kinds.TooltipDisplayMode.SINGLE))
        .color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
    )


def rows(
    title: str,
    text: str,
    labels: dict[str, str],
    columns: dict[str, tuple],
    *,
    sort: str = "",
    ascending: bool = False,
    widths: dict[str, int] | None = None,
    none: str = "",
    width: int = 24,
    height: int = 9,
    runbook: str = "",
):
    """A table with a row for each set of labels.

    `labels` are the labels' names and what their columns are called, `columns` those of figures: expression, unit and,
    where there are any, thresholds or mappings. Every expression is summed up by the labels; one that brings a
    further label for a column of its own says `None` for its unit and then what the column is called, and is left as
    it is. `sort` is the column by which rows are sorted, the largest first unless `ascending`.
    """
    panel = described(table.Panel(), title, text, runbook, width, height)
    names = dict(labels)
    excluded = {"Time": True, "__name__": True}
    for number, (name, (text, unit, *more)) in enumerate(columns.items()):
        ref = letter(number)
        summed = text if unit is None else f"sum by ({', '.join(labels)}) ({text})"
        panel = panel.with_target(query(summed, "", ref, instant=True, kind=PromQueryFormat.TABLE))
        value = f"Value #{ref}" if len(columns) > 1 else "Value"
        if unit is None:
            names[name], excluded[value] = name, True
            (names[name],) = more
            continue
        names[value] = name
        properties = [models.DynamicConfigValue("unit", unit)]
        for setting in more:
            properties += cell(setting)
        panel = panel.override_by_name(name, properties)
    for name, pixels in (widths or {}).items():
        panel = panel.override_by_name(name, [models.DynamicConfigValue("custom.width", pixels)])
    if none:
        panel = panel.no_value(none)
    order = {name: index for index, name in enumerate(names)}
    if sort:
        panel = panel.sort_by([common.TableSortByFieldState().display_name(sort).desc(not ascending)])
    return panel.transformations(
        [
            models.DataTransformerConfig("merge", options={}),
            models.DataTransformerConfig(
                "organize", options={"excludeByName": excluded, "indexByName": order, "renameByName": names}
            ),
        ]
    ).cell_height(kinds.TableCellHeight.SM)


def cell(setting) -> list[models.DynamicConfigValue]:
    """How a table's cells are coloured: by thresholds, or by the words for their values."""
    colored = models.DynamicConfigValue("custom.cellOptions", {"type": "color-text"})
    if isinstance(setting, dict):
        return [models.DynamicConfigValue("mappings", [value_map(setting)]), colored]
    return [models.DynamicConfigValue("thresholds", absolute(setting).build()), colored]
