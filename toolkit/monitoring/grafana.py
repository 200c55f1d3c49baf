"""Files for Grafana: dashboards and what provisions them; text, which asks for nothing that is not measured."""

from __future__ import annotations

import json
from typing import Any, Final

from toolkit.monitoring.plan import Dashboard, Panel, Plan
from toolkit.monitoring.prometheus import HEADER, dump

SOURCE: Final = {"type": "prometheus", "uid": "quarterdeck"}
DASHBOARDS: Final = "grafana/dashboards/{}.json"
FOLDER: Final = "/var/lib/grafana/dashboards/quarterdeck"
WIDTH: Final = 24
SMALL: Final = (4, 4)
LARGE: Final = (12, 8)


def grafana_files(plan: Plan) -> dict[str, str]:
    """By path: a dashboard each, the data source and the provider that finds them."""
    return {
        **{DASHBOARDS.format(each.name): json.dumps(_dashboard(each), indent=2, ensure_ascii=False) + "\n"
           for each in plan.dashboards},
        "grafana/provisioning/datasources/quarterdeck.yaml": HEADER + dump(_source()),
        "grafana/provisioning/dashboards/quarterdeck.yaml": HEADER + dump(_provider()),
    }  # fmt: skip


def _dashboard(dashboard: Dashboard) -> dict[str, Any]:
    return {
        "uid": f"quarterdeck-{dashboard.name.replace('_', '-')}",
        "title": dashboard.title,
        "tags": ["quarterdeck"],
        "editable": False,
        "refresh": "5s",
        "schemaVersion": 37,
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "panels": _panels(dashboard.panels),
    }


def _panels(panels: tuple[Panel, ...]) -> list[dict[str, Any]]:
    """Left to right, a new row where one does not fit; figures are small, the rest is half a page wide."""
    placed, left, top, height = [], 0, 0, 0
    for number, panel in enumerate(panels, start=1):
        wide, high = SMALL if panel.show == "stat" else LARGE
        if left + wide > WIDTH or (left and high != height):
            left, top = 0, top + height
        placed.append(_panel(number, panel, {"x": left, "y": top, "w": wide, "h": high}))
        left, height = left + wide, high
    return placed


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    instant = panel.show in ("stat", "table")
    target = {
        "refId": "A",
        "datasource": SOURCE,
        "expr": panel.query,
        "legendFormat": panel.legend or "__auto",
        "instant": instant,
        "range": not instant,
        **({"format": "table"} if panel.show == "table" else {}),
    }
    return {
        "id": number,
        "type": panel.show,
        "title": panel.title,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [target],
    }


def _source() -> dict[str, Any]:
    return {
        "apiVersion": 1,
        "datasources": [
            {
                "name": "Quarterdeck",
                "uid": SOURCE["uid"],
                "type": SOURCE["type"],
                "access": "proxy",
                "url": "http://127.0.0.1:9090",
                "editable": False,
            }
        ],
    }


def _provider() -> dict[str, Any]:
    return {
        "apiVersion": 1,
        "providers": [
            {"name": "quarterdeck", "folder": "Quarterdeck", "type": "file", "options": {"path": FOLDER}},
        ],
    }
