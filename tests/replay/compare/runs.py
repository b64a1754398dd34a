"""Run facts for tests of the comparison."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from replay.compare import Comparison, RunFacts, compare
from tests.replay.streams import MINUTE, START

FACTS = RunFacts(
    name="left",
    mode="shadow",
    config={"lanes": [{"name": "a", "capital": "10000"}], "guards": {"position": 1.0}},
    code="c0de",
    sealed=True,
    first_ts=START + MINUTE,
    last_ts=START + 100 * MINUTE,
    strategies={"drawn": "5a"},
)


def facts(**changes: Any) -> RunFacts:
    return msgspec.structs.replace(FACTS, **changes)


def compared(left: Iterable[bytes], right: Iterable[bytes], **changes: Any) -> Comparison:
    """Compare with facts of the right run changed."""
    return compare(left, right, FACTS, facts(**{"name": "right", "mode": "replay", **changes}))
