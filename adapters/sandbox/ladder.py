"""A synthetic order book side: the touch, and levels on a fixed grid of prices behind it.

The grid (`gap` ticks, about half a basis point) makes levels stay where they are while the touch moves, as in a real
book; a few change size in each step. There are always exactly `depth` levels: one that slides out of depth is deleted
by the same delta that shows its replacement (Bybit v5 docs, "Orderbook").
"""

from __future__ import annotations

from adapters.sandbox.price_path import Chance

REFRESHED_PER_STEP = 3
Changes = dict[int, int]
"""{key: new lots, 0 deletes}. A key is the price in ticks, negated for bids, so that lower is always better."""


class LadderSide:
    """Levels of one side by key; `touch` is the best key, strictly better than every other."""

    __slots__ = ("_chance", "_first", "_gap", "_lots_typical", "_span", "levels", "touch")

    def __init__(self, *, touch: int, depth: int, gap: int, lots_typical: int, chance: Chance) -> None:
        self._chance = chance
        self._gap = gap
        self._lots_typical = lots_typical
        self._span = depth - 1
        self._first = touch // gap + 1
        self.touch = touch
        self.levels = {touch: self._draw()}
        self.levels |= {index * gap: self._draw() for index in range(self._first, self._first + self._span)}

    def move(self, touch: int) -> Changes:
        """Bring the touch to another key, change a few sizes; returns what changed, in no particular order."""
        changes = self._slide(touch // self._gap + 1)
        if touch != self.touch:
            changes.setdefault(self.touch, 0)
            self.touch = touch
        changes[touch] = self._draw()
        self._refresh(changes)
        for key, lots in changes.items():
            if lots:
                self.levels[key] = lots
            else:
                del self.levels[key]
        return changes

    def _slide(self, first: int) -> Changes:
        gap, span, before = self._gap, self._span, self._first
        self._first = first
        if first >= before:
            leaving = range(before, min(first, before + span))
            entering = range(max(first, before + span), first + span)
        else:
            leaving = range(max(before, first + span), before + span)
            entering = range(first, min(before, first + span))
        changes = {index * gap: 0 for index in leaving}
        for index in entering:
            changes[index * gap] = self._draw()
        return changes

    def _refresh(self, changes: Changes) -> None:
        for _ in range(REFRESHED_PER_STEP):
            key = (self._first + int(self._chance() * self._span)) * self._gap
            if key not in changes:
                changes[key] = self._draw()

    def _draw(self) -> int:
        share = self._chance()
        return 1 + int(self._lots_typical * (0.2 + 1.8 * share * share))
