"""Planned trouble at the simulated exchanges, as a configuration file scripts it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from daemon.config.moment import parse_moment
from daemon.core.events import TroubleKind, VenueTrouble
from daemon.core.units import NS_PER_MS

LASTING = (TroubleKind.LATE, TroubleKind.LOST_REQUEST, TroubleKind.LOST_ANSWER, TroubleKind.DISCONNECT)
AfterMs = Annotated[int, Meta(ge=0, le=31_622_400_000)]


class TroubleSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Trouble and when it begins; fields as in `daemon.core.events.VenueTrouble`.

    at: ISO 8601 text, UTC unless it says otherwise.  after_ms: since the run's first input. One of the two is given.
    """

    kind: TroubleKind
    at: str | None = None
    after_ms: AfterMs | None = None
    lane: str = ""
    symbol: str = ""
    count: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    delay_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 0
    reason: Annotated[str, Meta(min_length=1, max_length=200)] = "10016: server error"
    share: Annotated[float, Meta(gt=0, le=1)] = 1.0

    def __post_init__(self) -> None:
        if (self.at is None) == (self.after_ms is None):
            raise ValueError("at: give either at or after_ms, and not both")
        if self.at is not None:
            try:
                parse_moment(self.at)
            except ValueError:
                raise ValueError(f'at: {self.at!r} is not ISO 8601, such as "2026-01-31T12:00:00Z"') from None
        if self.kind is TroubleKind.ADL and not self.symbol:
            raise ValueError("symbol: missing; a deleveraging closes the position of one symbol")
        if self.kind in LASTING and not self.delay_ms:
            raise ValueError(f"delay_ms: missing; without it, {self.kind} changes nothing")

    def due(self, first: int) -> int:
        """When it begins in a run whose first input came at `first`; nanoseconds UTC."""
        if self.at is not None:
            return parse_moment(self.at)
        return first + (self.after_ms or 0) * NS_PER_MS

    def trouble(self) -> VenueTrouble:
        """It as a fact."""
        return VenueTrouble(
            kind=self.kind,
            lane=self.lane,
            symbol=self.symbol,
            count=self.count,
            delay_ms=self.delay_ms,
            reason=self.reason,
            share=self.share,
        )
