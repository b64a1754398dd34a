"""A scenario: market facts and requests in one order, the same for both engines.

Every happening has a time of its own, so that what happened can be named by its place in the scenario in either engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TypeAlias

from msgspec import Struct

from daemon.core.events import Instrument, MarketFact
from daemon.core.orders import Amendment, OrderRequest
from daemon.core.venue import ExchangeSettings, FillData, QueueModel

BALANCE = Decimal(1_000_000_000)
LEVERAGE = Decimal(10)
TAKER_FEE = Decimal("0.00055")
MAKER_FEE = Decimal("0.0002")


class Cancel(Struct, frozen=True):
    """A request to cancel an order."""

    order_id: str


Happening: TypeAlias = MarketFact | OrderRequest | Amendment | Cancel


class Scenario(Struct, frozen=True):
    """What happens, and when.

    family: which generator made it.  data: what orders meet; BOOK depth, TRADES touch and trades, BARS bars.
    queue: our queue model; the other engine has none.  times: nanoseconds UTC, rising, one for each happening.
    """

    name: str
    family: str
    data: FillData
    queue: QueueModel
    instrument: Instrument
    times: Sequence[int]
    happenings: Sequence[Happening]

    def orders(self) -> dict[str, OrderRequest]:
        """Requests by order id."""
        return {one.order_id: one for one in self.happenings if isinstance(one, OrderRequest)}

    def settings(self) -> ExchangeSettings:
        """Settings of our exchange: no latency and no slippage, for the other engine has neither."""
        return ExchangeSettings(
            fill_data=self.data,
            queue=self.queue,
            taker_fee=TAKER_FEE,
            maker_fee=MAKER_FEE,
            entry_latency_ms=0,
            response_latency_ms=0,
            slippage_ticks=0,
            account_every_min=0,
        )
