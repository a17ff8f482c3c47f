"""What is good, bad and worse: the figures that alerts compare with, as Grafana's colours."""

import re
from itertools import pairwise
from pathlib import Path

import yaml
from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as models

RULES = Path(__file__).resolve().parents[2] / "docker/prometheus/rules/thresholds.yaml"

GREEN, YELLOW, ORANGE, RED, BLUE = "green", "yellow", "orange", "red", "blue"


def steps(first: str, *following: tuple[float, str]) -> list[models.Threshold]:
    """Colours from a value on: `steps(GREEN, (0.8, RED))`."""
    return [models.Threshold(color=first)] + [models.Threshold(value=value, color=color) for value, color in following]


def thresholds_of(alert: str) -> dict[str, float]:
    """The values that an alert compares with by their levels, as the rules have them."""
    rules = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    return {
        rule["labels"]["level"]: float(re.fullmatch(r"vector\((.+)\)", rule["expr"])[1])
        for rule in rules
        if rule.get("labels", {}).get("alert") == alert
    }


def alert_levels(alert: str) -> dict[str, float]:
    """Where an alert fires by its severities."""
    found = {level: value for level, value in thresholds_of(alert).items() if level in ("warning", "critical")}
    if not found:
        raise LookupError(f"No threshold of an alert {alert} is in thresholds.yaml")
    return found


def minimum(alert: str) -> str:
    """How much there has to be of something for an alert to take it seriously, for use in an expression."""
    return f"{thresholds_of(alert)['minimum']:.15g}"


def above(alert: str) -> list[models.Threshold]:
    """The colours of a figure that is bad where it is high, from where the alert fires on.

    An alert fires above its threshold, and a colour begins at it, which makes a difference where that is 0.
    """
    levels = alert_levels(alert)
    colors = {"warning": ORANGE, "critical": RED}
    return steps(GREEN, *sorted((value or 0.001, colors[level]) for level, value in levels.items()))


def below(alert: str) -> list[models.Threshold]:
    """The colours of a figure that is bad where it is low, up to where the alert fires."""
    levels = alert_levels(alert)
    if len(levels) == 1:
        ((level, value),) = levels.items()
        return steps(RED if level == "critical" else ORANGE, (value, GREEN))
    return steps(RED, (levels["critical"], ORANGE), (levels["warning"], GREEN))


def lines(thresholds: list[models.Threshold]) -> list[models.Threshold]:
    """The same for lines in a graph, each in the colour of its worse side, which may be the one below it."""
    if thresholds[0].color == GREEN:
        return thresholds
    return steps(GREEN, *((upper.value, lower.color) for lower, upper in pairwise(thresholds)))


def absolute(thresholds: list[models.Threshold]):
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(thresholds)
