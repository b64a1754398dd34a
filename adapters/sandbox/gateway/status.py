"""`/v5/system/status` while the plan holds maintenances. Source: Bybit v5 docs, "Get System Status"."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.sandbox.gateway.plan import Maintenance

STATUS_PATH = "/v5/system/status"


def maintenance_rows(plan: Sequence[Maintenance], start_ms: int, now_ms: int) -> list[dict[str, object]]:
    """Items of the route, newest first. start_ms: start of the market, milliseconds UTC."""
    rows = [_row(place, each, start_ms, now_ms) for place, each in enumerate(plan)]
    return rows[::-1]


def _row(place: int, each: Maintenance, start_ms: int, now_ms: int) -> dict[str, object]:
    begin, end = start_ms + int(each.from_s * 1000), start_ms + int(each.until_s * 1000)
    state = "scheduled" if now_ms < begin else "ongoing" if now_ms < end else "completed"
    return {
        "id": f"sandbox-maintenance-{place}",
        "title": each.title,
        "state": state,
        "begin": str(begin),
        "end": str(end),
        "href": "",
        "serviceTypes": [2, 3, 4, 5],
        "product": [1, 2],
        "uidSuffix": [],
        "maintainType": 1,
        "env": 1,
    }
