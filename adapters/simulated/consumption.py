"""Consumption: what our own fills took of the displayed book of one symbol, so that it is not taken twice.

The market does not know our fills: a level that we have eaten is still displayed. What we took of it is remembered
against the size it was displayed with, for takers and for resting orders that opposite quantity met.

Assumptions:
- Any change of a level's displayed size means that the level was refreshed: the new size is what really is there, and
  what we imagined to have taken is forgotten. A delta or snapshot that repeats the size keeps the memory.
- A level that vanishes, or is missing in a snapshot, is forgotten; when it comes back it is whole.
- A lost book keeps the memory: its next snapshot decides, level by level.

Known limits:
- A level that another trader takes a little from is whole again for us, less what he took.
- What we took does not make anybody refill, pull or follow: that is impact, see `adapters.simulated.slippage`.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from daemon.core.book import Book
from daemon.core.errors import InvariantBroken
from daemon.core.events import BookDelta, BookSnapshot, Side
from daemon.core.units import ZERO, add, subtract, to_decimal

Memory = dict[float, tuple[float, Decimal]]
"""By price: the size the level was displayed with, and what we took of it, base units."""


class Consumption:
    """What we took of the levels of one symbol. A side is that of our order: a buy takes from the asks."""

    __slots__ = ("_asks", "_bids")

    def __init__(self) -> None:
        self._bids: Memory = {}
        self._asks: Memory = {}

    def __len__(self) -> int:
        """How many levels are remembered."""
        return len(self._bids) + len(self._asks)

    def available(self, side: Side, price: float, displayed: float) -> Decimal:
        """What an order of `side` may still take of a level displayed with this size, base units, at least zero."""
        memory = self._asks if side is Side.BUY else self._bids
        if memory:
            known = memory.get(price)
            if known is not None and known[0] == displayed:
                return subtract(to_decimal(displayed), known[1])
        return to_decimal(displayed)

    def take(self, book: Book, side: Side, executions: Iterable[tuple[Decimal, Decimal]]) -> None:
        """Remember executions (price of the level, quantity) of an order of `side` against the displayed levels.

        Raises:
            InvariantBroken: more was taken of a level than it displays.
        """
        memory, levels = (self._asks, book.asks) if side is Side.BUY else (self._bids, book.bids)
        for exact, qty in executions:
            price = float(exact)
            displayed = levels.get(price, 0.0)
            known = memory.get(price)
            before = known[1] if known is not None and known[0] == displayed else ZERO
            taken = add(before, qty)
            if taken > to_decimal(displayed):
                raise InvariantBroken(f"{side} took {taken} at {exact}, where {displayed} is displayed")
            memory[price] = (displayed, taken)

    def refresh(self, fact: BookSnapshot | BookDelta) -> None:
        """Forget the levels that this changed. Every snapshot and delta of the symbol must come through here."""
        if not self._bids and not self._asks:
            return
        if isinstance(fact, BookSnapshot):
            self._bids = _unchanged(self._bids, fact.bids)
            self._asks = _unchanged(self._asks, fact.asks)
        else:
            _forget(self._bids, fact.bids)
            _forget(self._asks, fact.asks)


def _unchanged(memory: Memory, levels: list[tuple[float, float]]) -> Memory:
    if not memory:
        return memory
    displayed = dict(levels)
    return {price: known for price, known in memory.items() if displayed.get(price) == known[0]}


def _forget(memory: Memory, changes: list[tuple[float, float]]) -> None:
    if not memory:
        return
    for price, size in changes:
        known = memory.get(price)
        if known is not None and known[0] != size:
            del memory[price]
