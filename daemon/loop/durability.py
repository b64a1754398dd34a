"""What may only happen once all that led to it is on the disk: a request to a venue, an answer to an operator."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

Action = Callable[[], None]


class Reached(Protocol):
    """The last record of each stream that has come so far."""

    @property
    def inputs(self) -> int:
        """Of the input stream; 0 when none has."""
        ...

    @property
    def decisions(self) -> int:
        """Of the decision stream."""
        ...


class DurableJournal(Protocol):
    """What is needed of a journal to know when something is on the disk."""

    @property
    def next_input(self) -> int:
        """The seq that the next input will get."""
        ...

    @property
    def next_decision(self) -> int:
        """The seq that the next decision will get."""
        ...

    @property
    def durable(self) -> Reached:
        """How far the disk is."""
        ...

    def want_sync(self) -> None:
        """Ask for what was flushed to be made durable soon; returns at once."""
        ...


class _Held(NamedTuple):
    """An action, and the records that must be durable before it."""

    inputs: int
    decisions: int
    action: Action


class Durability:
    """Holds actions back until all records appended before them are durable, and keeps their order."""

    def __init__(self, journal: DurableJournal) -> None:
        self._journal = journal
        self._held: deque[_Held] = deque()

    @property
    def waiting(self) -> bool:
        """Whether something is held back; whoever hears of the journal's progress then calls `release`."""
        return bool(self._held)

    def hold(self, action: Action) -> None:
        """Do something once all that was appended so far is durable; to be called after a flush."""
        self._held.append(_Held(self._journal.next_input - 1, self._journal.next_decision - 1, action))
        self._journal.want_sync()
        self.release()

    def release(self) -> None:
        """Do what was held back for records that are durable by now."""
        reached = self._journal.durable
        while self._held and self._held[0].inputs <= reached.inputs and self._held[0].decisions <= reached.decisions:
            self._held.popleft().action()

    def drop(self) -> None:
        """Forget what is held back: nobody would hear of its end any more."""
        self._held.clear()
