"""An order at the exchange: what was asked, and where it stands."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from daemon.core.events import Side
from daemon.core.market import Market
from daemon.core.orders import OrderRequest, PositionIdx
from daemon.core.records import OrderStatus
from daemon.core.units import ZERO


class Working(Struct, eq=False):
    """An order from its arrival on; the parts of the exchange share it, `life` alone changes its status.

    request: as it stands now, amendments included.  id, side, leg: its order id, side and position, which never change;
    they are taken from the request.  remaining, filled: base units.  decided, arrived: nanoseconds UTC.
    price: what its margin is reserved at, USDT.  reference: the touch when it was decided or triggered, 0 when unknown.
    judged: whether it met the market already; from then on it is a maker.
    limit: the price it may not be executed beyond, USDT; of a market order its protective price, None without a bound.
    ahead: quantity thought to stand before it in the queue at its price, base units.
    displayed, traded: the quantity shown at its price when last looked at, and what traded there since, base units.
    """

    request: OrderRequest
    market: Market
    remaining: Decimal
    decided: int
    arrived: int = 0
    status: OrderStatus = OrderStatus.SUBMITTED
    price: Decimal = ZERO
    limit: Decimal | None = None
    reference: Decimal = ZERO
    filled: Decimal = ZERO
    judged: bool = False
    fills: int = 0
    ahead: float = 0.0
    displayed: float = 0.0
    traded: float = 0.0
    id: str = ""
    side: Side = Side.BUY
    leg: PositionIdx = PositionIdx.ONE_WAY

    def __post_init__(self) -> None:
        """Take from the request what never changes."""
        request = self.request
        self.id, self.side, self.leg = request.order_id, request.side, request.position_idx
