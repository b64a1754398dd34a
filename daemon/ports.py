"""The seams between the loop and what is plugged into it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Protocol

from msgspec import Struct

from daemon.core.events import Fact
from daemon.core.remote.requests import Request


class Received(Struct, frozen=True, gc=False):
    """Something a live source delivers, before it has a sequence number.

    Exactly one of `frame` (a venue's bytes as received) and `fact` (noticed by ourselves) is set.
    ts_recv: nanoseconds UTC of our clock at reception.  source: name of the connection or of the part that noticed.
    """

    ts_recv: int
    source: str
    frame: bytes | None = None
    fact: Fact | None = None


class Input(Struct, frozen=True, gc=False):
    """One record of the input journal, as replayed.

    kind: "frame" (payload is the venue's bytes as received), "bytes" (likewise, bytes that are not one line of JSON)
    or "fact" (payload is the JSON of a fact of our own).
    """

    seq: int
    ts_recv: int
    kind: str
    source: str
    payload: bytes


class Decoder(Protocol):
    """Turns a venue's frames into facts; stateful, but a pure function of the frames and links it was given."""

    def decode(self, frame: bytes, ts_recv: int, source: str) -> Sequence[Fact]:
        """Read one frame. Never raises for what a venue sends: what does not parse becomes a `Quarantined`."""
        ...

    def observe(self, fact: Fact) -> Sequence[Fact]:
        """Take note of a house fact (a link that went down drops books); returns the facts that follow from it."""
        ...


class LiveSource(Protocol):
    """A live feed. Batches keep the loop from paying a queue hop for each frame."""

    def batches(self) -> AsyncIterator[list[Received]]:
        """Yield what arrived, in order; ends when the source is closed."""
        ...

    def resync(self, topic: str) -> None:
        """Ask the venue for a fresh snapshot of a topic whose state was lost."""
        ...

    async def close(self) -> None:
        """Stop and release the sockets."""
        ...


class OrderPort(Protocol):
    """The way to an account at a venue. Only `lockstep trade` builds one, and only when everything agrees to it."""

    def send(self, request: Request) -> None:
        """Begin to carry out a request whose record is durable; how it ends is delivered as an `Answered`.

        Never raises for what the venue or the network does. A request whose deadline has passed is not sent.
        """
        ...

    async def close(self) -> None:
        """Stop: nothing is sent any more; what is on its way is given up."""
        ...


class HistorySource(Protocol):
    """Facts from files, in time order."""

    def facts(self) -> Iterator[tuple[int, Fact]]:
        """Yield (ts_recv, fact): for history the reception time is the fact's own time."""
        ...


class Clock(Protocol):
    """Where `now` comes from."""

    def now(self) -> int:
        """Nanoseconds UTC."""
        ...
