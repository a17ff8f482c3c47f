"""PromQL as the dashboards write it."""

import re

# In an expression HERE is what is looked at, and TARGET the part of it that comes from the targets chosen. Servers have
# the label `target` only where there are several of a kind, the engine's containers and the machine never.
PLACES = {"HERE": 'job=~"$job",instance=~"$instance"'}
PLACES["TARGET"] = PLACES["HERE"] + ',target=~"$target"'


def expression(text: str) -> str:
    """PromQL on one line, with its places filled in."""
    text = re.sub(r"\s+", " ", text.strip())
    return re.sub(r"\b(HERE|TARGET)\b", lambda place: PLACES[place[0]], text)


def largest(count: int, by: str, counter: str = "", gauge: str = "") -> str:
    """The series that were largest in the time looked at, the same ones throughout, of a counter by its rate."""
    if counter:
        now = f"sum by ({by}) (rate({counter}[$__rate_interval]))"
        chosen = f"sum by ({by}) (rate({counter}[$__range] @ end()))"
    else:
        now = f"max by ({by}) ({gauge})"
        chosen = f"max by ({by}) (max_over_time({gauge}[$__range] @ end()))"
    return f"{now} and topk({count}, {chosen})"


def named(containers: str) -> str:
    """With a label `who`: a container's name, or else the last part of its cgroup's path."""
    return f'label_replace(label_replace({containers}, "who", "$1", "id", ".*/([^/]+)"), "who", "$1", "name", "(.+)")'
