"""What must be known of two runs before their rows are worth comparing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from msgspec import Struct, field

from replay.compare.audit import walk
from replay.compare.result import Difference


class RunFacts(Struct, frozen=True, kw_only=True):
    """What the manifest of a run says.

    config: the configuration as plain JSON values.  code: digest of the program.  strategies: name to digest of the
    source of each.  inputs_digest, inputs: digest and count of the input stream, "" and 0 where unknown.
    first_ts, last_ts: time of the first and the last evaluation, nanoseconds UTC, None if there was none.
    """

    name: str
    mode: str
    config: dict[str, Any]
    code: str
    sealed: bool
    first_ts: int | None
    last_ts: int | None
    strategies: dict[str, str] = field(default_factory=dict)
    inputs_digest: str = ""
    inputs: int = 0


class Limits(Struct, frozen=True, kw_only=True):
    """What still counts as agreement, for runs that cannot be equal to the byte.

    min_rate: smallest share of matched decisions that passes, 0 to 1.
    max_trade_difference: largest difference in the number of fills of a symbol in a lane that passes.
    same_verdicts: whether the verdicts of all guards must be the same.
    match: "record" wants whole rows equal, "decision" only action, quantity, terms and verdicts.
    """

    min_rate: float = 1.0
    max_trade_difference: int = 0
    same_verdicts: bool = True
    match: Literal["record", "decision"] = "record"


class Circumstances(Struct, frozen=True):
    """What differs between two runs as wholes; decides the cause of every row that differs."""

    configuration: tuple[Difference, ...]
    code: bool
    same_inputs: bool


def between(left: RunFacts, right: RunFacts, irrelevant: tuple[str, ...]) -> Circumstances:
    """Compare the runs as wholes; `irrelevant` are paths of the configuration that may differ, with what is below."""
    found = tuple(item for item in walk("", left.config, right.config) if not _is_below(item.path, irrelevant))
    known = bool(left.inputs_digest) and bool(right.inputs_digest)
    return Circumstances(
        configuration=found,
        code=left.code != right.code or left.strategies != right.strategies,
        same_inputs=known and (left.inputs_digest, left.inputs) == (right.inputs_digest, right.inputs),
    )


def why_not(left: RunFacts, right: RunFacts, window: tuple[int, int] | None) -> Iterator[str]:
    """Yield every reason why nothing can be concluded, each with its cure."""
    for run in (left, right):
        if not run.sealed:
            yield f"{run.name} is not sealed: it runs or was cut off; let it finish, or start it again to recover it"
        if run.first_ts is None or run.last_ts is None:
            yield f"{run.name} evaluated nothing; check its lanes, symbols and warm-up"
        elif window is not None and (run.first_ts > window[0] or run.last_ts < window[1] - 1):
            yield f"{run.name} does not cover the window {window[0]} to {window[1]}; choose one within both runs"
    if window is None and (left.first_ts, left.last_ts) != (right.first_ts, right.last_ts):
        yield (
            f"the runs cover different windows: {left.name} {left.first_ts} to {left.last_ts}, "
            f"{right.name} {right.first_ts} to {right.last_ts}; name one window that lies within both"
        )


def _is_below(path: str, prefixes: tuple[str, ...]) -> bool:
    return any(path == prefix or path.startswith((f"{prefix}.", f"{prefix}[")) for prefix in prefixes)
