"""Resting: our limit orders in the book of one symbol, found by price.

Assumptions:
- The best price comes first, and at one price whoever came first.

Known limits:
- It knows nothing of the others at a price; see `adapters.simulated.queue`.

Adding and removing costs a search among the prices we rest at; asking costs what the answer holds.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from itertools import chain
from math import inf

from adapters.simulated.working import Working
from daemon.core.errors import InvariantBroken
from daemon.core.events import Side


class Ladder:
    """One side: the prices we rest at, ascending, and at each the orders by id, first come first."""

    __slots__ = ("levels", "prices")

    def __init__(self) -> None:
        self.prices: list[float] = []
        self.levels: dict[float, dict[str, Working]] = {}

    def add(self, price: float, order: Working) -> None:
        """Put an order last at its price."""
        level = self.levels.get(price)
        if level is None:
            level = self.levels[price] = {}
            insort(self.prices, price)
        level[order.id] = order

    def remove(self, price: float, order_id: str) -> None:
        """Take an order from the price it was added at."""
        level = self.levels[price]
        del level[order_id]
        if not level:
            del self.levels[price]
            del self.prices[bisect_left(self.prices, price)]

    def orders(self, prices: Iterable[float]) -> list[Working]:
        """The orders at these prices, in their order."""
        return list(chain.from_iterable(self.levels[price].values() for price in prices))


class Resting:
    """Our resting limit orders of one symbol. A side is that of our orders; prices are float64, USDT.

    bid, ask: best limit of our buys and of our sells; -inf and inf when there are none.
    """

    __slots__ = ("_buys", "_prices", "_sells", "ask", "bid")

    def __init__(self) -> None:
        self._buys = Ladder()
        self._sells = Ladder()
        self._prices: dict[str, float] = {}
        self._find_best()

    def __len__(self) -> int:
        return len(self._prices)

    def __contains__(self, order: Working) -> bool:
        return order.id in self._prices

    def add(self, order: Working) -> None:
        """Let an order rest at its limit, behind those of ours that are there already.

        Raises:
            InvariantBroken: it rests already, or has no limit.
        """
        if order.limit is None or order.id in self._prices:
            raise InvariantBroken(f"order {order.id} with limit {order.limit} cannot come to rest")
        price = float(order.limit)
        self._prices[order.id] = price
        self._ladder(order.side).add(price, order)
        self._find_best()

    def remove(self, order: Working) -> None:
        """Take an order away from where it was added, whatever its limit is by now.

        Raises:
            InvariantBroken: it does not rest here.
        """
        price = self._prices.pop(order.id, None)
        if price is None:
            raise InvariantBroken(f"order {order.id} does not rest")
        self._ladder(order.side).remove(price, order.id)
        self._find_best()

    def best(self, side: Side) -> float:
        """Best limit of the orders of a side; -inf without buys, inf without sells."""
        return self.bid if side is Side.BUY else self.ask

    def reached(self, side: Side, price: float, *, inclusive: bool) -> list[Working]:
        """The orders of a side whose limit a price, above zero, went beyond, or `inclusive` is at; best first."""
        if side is Side.BUY:
            if price > self.bid or (price == self.bid and not inclusive):
                return []
            prices = self._buys.prices
            start = bisect_left(prices, price) if inclusive else bisect_right(prices, price)
            return self._buys.orders(reversed(prices[start:]))
        if price < self.ask or (price == self.ask and not inclusive):
            return []
        prices = self._sells.prices
        end = bisect_right(prices, price) if inclusive else bisect_left(prices, price)
        return self._sells.orders(prices[:end])

    def at(self, side: Side, price: float) -> Sequence[Working]:
        """The orders of a side at exactly this price, first come first; they may be removed meanwhile."""
        level = self._ladder(side).levels.get(price)
        return () if level is None else tuple(level.values())

    def levels(self, side: Side) -> Sequence[float]:
        """The prices we rest at, ascending; a view that lives on."""
        return self._ladder(side).prices

    def orders(self) -> list[Working]:
        """All of them: buys, then sells, best first, then first come."""
        buys, sells = self._buys, self._sells
        return buys.orders(reversed(buys.prices)) + sells.orders(sells.prices)

    def among(self, side: Side, changes: Sequence[tuple[float, float]]) -> list[tuple[Working, float]]:
        """The orders of a side that rest at one of the changed levels (price, size), each with that size."""
        levels = self._ladder(side).levels
        if not levels:
            return []
        return [(order, size) for price, size in changes if price in levels for order in levels[price].values()]

    def _ladder(self, side: Side) -> Ladder:
        return self._buys if side is Side.BUY else self._sells

    def _find_best(self) -> None:
        buys, sells = self._buys.prices, self._sells.prices
        self.bid = buys[-1] if buys else -inf
        self.ask = sells[0] if sells else inf
