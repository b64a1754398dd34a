"""How an account at a venue is traded and watched. Times in milliseconds of the world."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct

from daemon.core.venue import MarginMode

Ms = Annotated[int, Meta(ge=1, le=86_400_000)]


class OrderSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a configuration may say of how an account at a venue is traded and watched; docs/live.md explains each.

    recv_window_ms: for how long after its signing the venue may take a request; it bounds an unknown outcome.
    answer_ms: without an answer for this long a request's outcome is unknown.
    entry_deadline_ms, exit_deadline_ms: how long after its decision an order may still be sent (again).
    settle_ms: how long after the end of a request's window nothing of it can surface at the venue any more.
    foreign_position: what becomes of a position that our books do not explain: its symbol is halted ("refuse"), or it
    is taken into them ("adopt").  foreign_order: open orders under a name of ours that we do not know halt the lane
    ("refuse"), or are cancelled.
    on_stop: what becomes of open orders when the daemon is stopped; protections stay in any case.
    set_leverage: whether we set the leverage of a flat symbol.
    """

    recv_window_ms: Ms = 3_000
    answer_ms: Ms = 5_000
    entry_deadline_ms: Ms = 5_000
    exit_deadline_ms: Ms = 60_000
    settle_ms: Ms = 2_000
    foreign_position: Literal["refuse", "adopt"] = "refuse"
    foreign_order: Literal["refuse", "cancel"] = "refuse"
    on_stop: Literal["keep", "cancel"] = "keep"
    set_leverage: bool = True


class RemoteSettings(OrderSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same with what the account itself, and its venue's clock, must be.

    leverage, margin_mode: what the account must be set to.
    history_days: for how long the venue can be asked about executions, days of its clock; None without a limit.
    time_scale: how much faster than the world the venue's clock runs (a sandbox's speed); all times above, and those of
    the checks, are multiplied by it.
    """

    leverage: Decimal = Decimal(5)
    margin_mode: MarginMode = MarginMode.ISOLATED
    history_days: int | None = None
    time_scale: float = 1.0
