"""A contract: one symbol at the exchange, with our orders on it. State only; `life` changes it."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from adapters.simulated.consumption import Consumption
from adapters.simulated.protection import PARTIAL
from adapters.simulated.resting import Resting
from adapters.simulated.trailing import TrailingStop
from adapters.simulated.triggers import Triggers
from adapters.simulated.working import Working
from daemon.core.market import Market
from daemon.core.orders import PositionIdx
from daemon.core.records import StopOrderType

UNREST = (inf, -inf)


class Contract:
    """Our orders on one symbol.

    active: all that are in the book or about to meet the market, by id; of them `waiting` have not met it yet,
    `resting` rest in the book, `reducing` are reduce-only.  untriggered: those that wait for a trigger, by id.
    full: the protections of a whole position, by position and kind.  siblings: which order is cancelled when one of a
    pair of partial protections goes off, by id.  trailing: trailing stops by position, with their order.
    boundary: the next funding that is on the agenda, nanoseconds UTC, 0 when none is.
    calm: mark prices between which nothing can happen to us, as long as the instrument stays `instrument`; empty while
    orders of ours are open.
    """

    __slots__ = (
        "active",
        "boundary",
        "calm",
        "consumption",
        "full",
        "instrument",
        "market",
        "reducing",
        "resting",
        "siblings",
        "symbol",
        "trailing",
        "triggers",
        "untriggered",
        "waiting",
    )

    def __init__(self, market: Market) -> None:
        self.symbol = market.symbol
        self.market = market
        self.active: dict[str, Working] = {}
        self.waiting: dict[str, Working] = {}
        self.reducing: dict[str, Working] = {}
        self.resting = Resting()
        self.untriggered: dict[str, Working] = {}
        self.triggers = Triggers()
        self.full: dict[tuple[PositionIdx, StopOrderType], Working] = {}
        self.siblings: dict[str, str] = {}
        self.trailing: dict[PositionIdx, tuple[TrailingStop, Working]] = {}
        self.consumption = Consumption()
        self.boundary = 0
        self.calm = UNREST
        self.instrument = market.instrument

    def find(self, order_id: str) -> Working | None:
        """An open order by its id."""
        return self.active.get(order_id) or self.untriggered.get(order_id)

    def orders(self) -> Iterator[Working]:
        """All open orders, active ones first, each kind in the order of its coming."""
        yield from self.active.values()
        yield from self.untriggered.values()

    def conditional(self) -> int:
        """How many conditional orders of the user's wait."""
        if not self.untriggered:
            return 0
        plain = (StopOrderType.NONE, StopOrderType.STOP)
        return sum(order.request.stop_order_type in plain for order in self.untriggered.values())

    def partial(self, leg: PositionIdx) -> list[Working]:
        """Partial protections that wait on a position."""
        waiting = self.untriggered.values()
        return [order for order in waiting if order.request.stop_order_type in PARTIAL and order.leg is leg]

    def is_busy(self) -> bool:
        """Whether a market fact may concern our orders, or what we remember of them."""
        return bool(self.active or self.untriggered or self.trailing or len(self.consumption))
