"""A full order book of which the best levels are shown, for converting captures of other exchanges.

Levels are integers: price in ticks, size in lots.
"""

from __future__ import annotations

from bisect import bisect_left, insort

Levels = dict[int, int]
"""{price in ticks: size in lots, 0 deletes}."""


class TopBook:
    """A full book of which the best levels are shown; reports how the shown part changed."""

    __slots__ = ("_asks", "_bids")

    def __init__(self, depth: int) -> None:
        self._bids = _TopSide(-1, depth)
        self._asks = _TopSide(1, depth)

    def reset(self, bids: Levels, asks: Levels) -> None:
        """Replace the full book."""
        self._bids.reset(bids)
        self._asks.reset(asks)

    def change(self, bids: Levels, asks: Levels) -> None:
        """Set or delete levels of the full book; deleting an unknown one does nothing."""
        self._bids.change(bids)
        self._asks.change(asks)

    def take_changes(self, *, everything: bool) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """(ticks, lots; 0 deletes) of bids and asks since the last call, best first; or all that is shown."""
        return self._bids.take_changes(everything=everything), self._asks.take_changes(everything=everything)


class _TopSide:
    """One side; keys are ticks times `sign`, so that the best one is the lowest."""

    __slots__ = ("_depth", "_keys", "_lots", "_shown", "_sign")

    def __init__(self, sign: int, depth: int) -> None:
        self._sign = sign
        self._depth = depth
        self._keys: list[int] = []
        self._lots: Levels = {}
        self._shown: Levels = {}

    def reset(self, levels: Levels) -> None:
        self._lots = {ticks * self._sign: lots for ticks, lots in levels.items() if lots}
        self._keys = sorted(self._lots)

    def change(self, levels: Levels) -> None:
        for ticks, lots in levels.items():
            key = ticks * self._sign
            if lots:
                if key not in self._lots:
                    insort(self._keys, key)
                self._lots[key] = lots
            elif self._lots.pop(key, 0):
                del self._keys[bisect_left(self._keys, key)]

    def take_changes(self, *, everything: bool) -> list[tuple[int, int]]:
        """(ticks, lots; 0 deletes) since the last call, best first; or all that is shown."""
        shown = {key: self._lots[key] for key in self._keys[: self._depth]}
        before, self._shown = self._shown, shown
        if everything:
            changes = shown
        else:
            changes = {key: lots for key, lots in shown.items() if before.get(key) != lots}
            changes |= {key: 0 for key in before if key not in shown}
        return [(key * self._sign, lots) for key, lots in sorted(changes.items())]
