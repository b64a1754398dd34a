"""The order book of one symbol, rebuilt from snapshots and deltas.

Levels are kept by price in a dict per side; the best price is remembered and searched again only after its level went
away. Source of the rules: Bybit v5 docs, "Orderbook" (size 0 deletes, an unknown price inserts, a snapshot replaces).
"""

from __future__ import annotations

from heapq import nlargest, nsmallest
from math import inf

Level = tuple[float, float]


class Book:
    """Bids and asks as {price: size}. `valid` is False before the first snapshot and after anything was lost."""

    __slots__ = ("_best_ask", "_best_bid", "asks", "bids", "valid")

    def __init__(self) -> None:
        self.bids: dict[float, float] = {}
        self.asks: dict[float, float] = {}
        self.drop()

    def reset(self, bids: list[Level], asks: list[Level]) -> bool:
        """Replace everything by a snapshot; returns whether it is valid, which a crossed one is not."""
        self.bids = {price: size for price, size in bids if size > 0.0}
        self.asks = {price: size for price, size in asks if size > 0.0}
        self._best_bid = max(self.bids, default=0.0)
        self._best_ask = min(self.asks, default=inf)
        self.valid = self._best_bid < self._best_ask
        return self.valid

    def apply(self, bids: list[Level], asks: list[Level]) -> bool:  # noqa: PLR0912 - two sides, written out
        """Change levels; returns whether the book is valid, which a crossed one is not until the next snapshot.

        The sides are written out: this is the hottest loop of a book feed. A side whose best level went away is
        searched once, at the end: a move of the market takes several levels with it.
        """
        side = self.bids
        best_bid = self._best_bid
        lost = False
        for price, size in bids:
            if size:
                side[price] = size
                if price > best_bid:
                    best_bid = price
            else:
                side.pop(price, None)
                if price == best_bid:
                    lost = True
        if lost:
            best_bid = max(side, default=0.0)
        side = self.asks
        best_ask = self._best_ask
        lost = False
        for price, size in asks:
            if size:
                side[price] = size
                if price < best_ask:
                    best_ask = price
            else:
                side.pop(price, None)
                if price == best_ask:
                    lost = True
        if lost:
            best_ask = min(side, default=inf)
        self._best_bid = best_bid
        self._best_ask = best_ask
        if best_bid >= best_ask:
            self.valid = False
        return self.valid

    def drop(self) -> None:
        """Forget the book; it stays invalid until the next snapshot."""
        self.bids = {}
        self.asks = {}
        self._best_bid = 0.0
        self._best_ask = inf
        self.valid = False

    @property
    def bid(self) -> float:
        """Best bid, 0.0 when there is none."""
        return self._best_bid

    @property
    def ask(self) -> float:
        """Best ask, 0.0 when there is none."""
        return 0.0 if self._best_ask == inf else self._best_ask

    def top_bids(self, count: int) -> list[Level]:
        """The `count` best bids, highest first."""
        return [(price, self.bids[price]) for price in nlargest(count, self.bids)]

    def top_asks(self, count: int) -> list[Level]:
        """The `count` best asks, lowest first."""
        return [(price, self.asks[price]) for price in nsmallest(count, self.asks)]
