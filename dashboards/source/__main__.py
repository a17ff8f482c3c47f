"""Writes the dashboards as Grafana imports them: python3 dashboards/source [DIRECTORY]"""

import sys
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

import business
import containers
import exporter
import overview
import postgres
import redis
import requests

PAGES = [overview.PAGE, postgres.PAGE, redis.PAGE, containers.PAGE, requests.PAGE, business.PAGE, exporter.PAGE]

directory = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
for page in PAGES:
    name = page.uid.removeprefix("stack-exporter-")
    (directory / f"{name}.json").write_text(JSONEncoder(sort_keys=True, indent=2).encode(page) + "\n")
