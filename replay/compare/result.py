"""What a comparison says."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct


class Verdict(StrEnum):
    """The answer. Exit codes: equal and within_limits 0, different 1, cannot_tell 2."""

    EQUAL = "equal"
    WITHIN_LIMITS = "within_limits"
    DIFFERENT = "different"
    CANNOT_TELL = "cannot_tell"


EXIT_CODES = {Verdict.EQUAL: 0, Verdict.WITHIN_LIMITS: 0, Verdict.DIFFERENT: 1, Verdict.CANNOT_TELL: 2}


class Cause(StrEnum):
    """Why a row differs; the rules are at the top of `replay.compare.causes`."""

    INPUT = "input"
    TIMING = "timing"
    CONFIGURATION = "configuration"
    CODE = "code"
    STATE = "warm-up or state"
    GUARD = "guard"
    FILL_MODEL = "fill model"
    MISSING = "missing"
    DAMAGED = "damaged"


class Difference(Struct, frozen=True):
    """One value that differs. path: keys joined by dots, list places in brackets; None where a side has no value.

    Three paths name no field: "(row)" a row that one side lacks, "(order)" equal rows in another order, "(bytes)"
    equal values written in another way or a line that is not JSON.
    """

    path: str
    left: Any
    right: Any


class Mismatch(Struct, frozen=True, kw_only=True):
    """A row that differs.

    seq_left, seq_right: its number in each stream, None where it has none.  line: place in the left stream, counted
    from 1, in the right one for a row that the left one lacks.  evaluation: -1 for rows other than decisions.
    follows: merely a consequence of an earlier mismatch, because the state had already diverged.
    """

    seq_left: int | None
    seq_right: int | None
    line: int
    kind: str
    ts: int
    lane: str
    strategy: str
    symbol: str
    evaluation: int
    cause: Cause
    follows: bool
    differences: tuple[Difference, ...]


class Divergence(Struct, frozen=True):
    """The first mismatch with both rows, decoded: text for a line that is not JSON, None for one that is missing."""

    mismatch: Mismatch
    left: dict[str, Any] | str | None
    right: dict[str, Any] | str | None


class Comparison(Struct, frozen=True, kw_only=True):
    """The result of comparing two runs.

    reasons: why the answer is cannot_tell, or which limits were broken.
    decisions: decision rows compared, those in one stream only included; matched: those that agree; rate: their
    share, 0.0 when there are none.  mismatches: the first ones; mismatches_total: all; follows_total: those of them
    that follow from earlier ones.  causes: the others, counted by root cause.
    configuration: every parameter that differs.  trades: fills of the left and of the right run, by "lane/symbol",
    from the first difference on.
    """

    verdict: Verdict
    exit_code: int
    reasons: tuple[str, ...] = ()
    lines_left: int = 0
    lines_right: int = 0
    decisions: int = 0
    matched: int = 0
    rate: float = 0.0
    first: Divergence | None = None
    mismatches: tuple[Mismatch, ...] = ()
    mismatches_total: int = 0
    follows_total: int = 0
    causes: dict[str, int] = {}
    configuration: tuple[Difference, ...] = ()
    trades: dict[str, tuple[int, int]] = {}
