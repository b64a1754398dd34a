"""Configuration files for tests, as users write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from daemon.app.lanes import Plan
from daemon.config import load_config

STRATEGIES = Path(__file__).with_name("scripted.py")
NOWHERE = {"rest_url": "http://127.0.0.1:9", "public_url": "ws://127.0.0.1:9/v5/public/linear"}


def strategy(use: str = "baseline_perps", name: str = "one", **settings: Any) -> dict[str, Any]:
    """A strategy of a lane; one of `scripted.py` by the name of its class."""
    known = use if use.islower() else f"{STRATEGIES}:{use}"
    return {"name": name, "use": known, "settings": settings}


def lane(name: str, *strategies: Mapping[str, Any], **guards: Any) -> dict[str, Any]:
    """A lane on an account of its own name."""
    return {"name": name, "account": name, "strategies": list(strategies), "guards": guards}


TREND = strategy("baseline_perps", "trend", fast=2, slow=5, position_fraction=0.3, trailing_stop=0.01)
SWING = strategy("Swing", "swing", every=7)
TWO_LANES = (lane("trend", TREND), lane("swing", SWING, max_orders_per_min=20))


def addresses(venue: Mapping[str, str]) -> dict[str, str]:
    """The addresses out of all that a sandbox says of itself when it is ready."""
    return {key: venue[key] for key in ("rest_url", "public_url", "private_url") if key in venue}


def document(
    lanes: Sequence[Mapping[str, Any]] = TWO_LANES,
    *,
    venue: Mapping[str, str] = NOWHERE,
    symbols: Sequence[str] = ("BTCUSDT", "ETHUSDT"),
    clock: str = "venue",
    balance: str = "10000",
    feed: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A whole configuration as plain values: a sandbox on loopback, small segments.

    venue: what a sandbox says of itself when it is ready; its addresses count.
    """
    return {
        "venue": {"environment": "custom", "clock": clock} | addresses(venue),
        "feed": {"symbols": list(symbols), "timer_ms": 60_000, **(feed or {})},
        "storage": {"segment_mb": 1, "min_free_mb": 1},
        "accounts": {one["account"]: {"balance_usdt": balance} for one in lanes},
        "lanes": [dict(one) for one in lanes],
    }


def write_config(path: Path, content: Mapping[str, Any]) -> Path:
    """Write a configuration as JSON, one of the three formats."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(content))
    return path


def plan_of_document(folder: Path, content: Mapping[str, Any]) -> Plan:
    """The plan of a configuration written into `folder`."""
    return Plan(load_config(write_config(folder / "config.json", content)), folder)
