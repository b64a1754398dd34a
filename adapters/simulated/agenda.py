"""The agenda: what is to happen at the exchange, or to be heard of it, and when.

Its one job: order by time, and by the order of adding where times are equal.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import TypeAlias

from msgspec import Struct

from daemon.core.units import NEVER
from daemon.core.venue import Report

Happening: TypeAlias = Callable[[int], None]
"""Something the exchange does when its time has come; it is given that time, nanoseconds UTC."""


class Agenda:
    """Happenings and reports by time.

    next_due: time of the first one, nanoseconds UTC, `NEVER` when there is none.  added: how many were added so far.
    """

    __slots__ = ("_entries", "added", "next_due")

    def __init__(self) -> None:
        self._entries: list[tuple[int, int, Happening | Report]] = []
        self.added = 0
        self.next_due = NEVER

    def add(self, due: int, item: Happening | Report) -> None:
        """Put down what is to happen, or to be told, at `due`."""
        self.added += 1
        heappush(self._entries, (due, self.added, item))
        self.next_due = self._entries[0][0]

    def hold_back(self, until: int) -> None:
        """Put off reports that are to be told before `until`; their order stays, and happenings keep their time."""
        self._entries = [
            (max(due, until) if isinstance(item, Struct) else due, number, item) for due, number, item in self._entries
        ]
        heapify(self._entries)
        self.next_due = self._entries[0][0] if self._entries else NEVER

    def pop(self) -> tuple[int, Happening | Report]:
        """Take off what is due first, with its time.

        Raises:
            IndexError: nothing is left; ask `next_due` before.
        """
        due, _, item = heappop(self._entries)
        self.next_due = self._entries[0][0] if self._entries else NEVER
        return due, item
