"""How a live run ends: at its time, or when it is asked to; one that trades first settles what is in flight."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from daemon.core.engine import Engine
from daemon.core.events import Command
from daemon.core.lane import Lane
from daemon.core.remote.exchange import RemoteExchange
from daemon.core.units import NEVER
from daemon.log import get_logger
from daemon.loop import LiveLoop, Stopped

DRAIN_S = 5.0
SIGNALS = (signal.SIGINT, signal.SIGTERM)
log = get_logger("ending")


class Ending:
    """Decides when the loop of a run stops.

    The first wish to end tells a run that trades to drain: it decides nothing new and, where `on_stop` says so, cancels
    what is open. It is stopped when nothing of it is in flight any more, nor any order open that is to be cancelled, or
    that cannot rest, whose execution is about to be told; or after five seconds of the world.

    The second wish ends every run at once, unsealed.

    Args:
        live: the loop.
        engine: whose lanes may have something in flight.
        until, inputs_max: the wanted end, which a run that trades does not leave to the loop.
        flat: end when a panic of every lane is over.
    """

    def __init__(
        self, live: LiveLoop, engine: Engine, *, until: int = NEVER, inputs_max: int = 0, flat: bool = False
    ) -> None:
        self._live = live
        self._engine = engine
        self._flat = flat
        self._remote = [lane for lane in engine.lanes if isinstance(lane.exchange, RemoteExchange)]
        self._until = until
        self._inputs_max = inputs_max
        self._why: Stopped | None = None
        self._told = False

    def ask(self, why: Stopped = Stopped.ASKED) -> None:
        """End in good order; a second time at once."""
        if self._why is not None:
            self._live.stop(Stopped.AT_ONCE)
            return
        self._why = why
        if not self._remote:
            self._live.stop(why)
            return
        log.info("draining", reason=str(why))
        for lane in self._remote:
            if (exchange := _remote(lane)) is not None and exchange.cancels_on_stop:
                self._live.tell(Command("cancel", lane=lane.name, reason=str(why)))
        self._live.tell(Command("drain", reason=str(why)))
        asyncio.get_running_loop().call_later(DRAIN_S, self._give_up)

    def look(self, inputs: int, now: int) -> None:
        """Called after each batch: whether it is time to end, or all is settled; `now` is the run's time."""
        if self._why is not None:
            if not self._unsettled():
                self._live.stop(self._why)
        elif self._flat and self._is_flat():
            self.ask(Stopped.FLAT)
        elif self._remote and now >= self._until:
            self.ask(Stopped.UNTIL)
        elif self._remote and self._inputs_max and inputs >= self._inputs_max:
            self.ask(Stopped.INPUTS)

    def _unsettled(self) -> list[str]:
        """Names of the lanes of which something is still under way."""
        return [lane.name for lane in self._remote if not _is_settled(lane)]

    def _is_flat(self) -> bool:
        panics = self._engine.desk.panics
        return all(lane.name in panics and panics[lane.name].proved for lane in self._engine.lanes)

    def _give_up(self) -> None:
        if self._why is not None:
            if left := self._unsettled():
                log.warning("ended_unsettled", lanes=left)
            self._live.stop(self._why)


def _is_settled(lane: Lane) -> bool:
    """Whether nothing of a lane is in flight, and every order has ended that cannot rest or was to be cancelled."""
    exchange = _remote(lane)
    if exchange is None:
        return True
    if not exchange.settled:
        return False
    if exchange.cancels_on_stop and any(runner is not None for _, runner in lane.orders.values()):
        return False
    return all(order.waits or order.request.may_rest for order, _ in lane.orders.values())


def _remote(lane: Lane) -> RemoteExchange | None:
    """The account at a venue; None once a breach of its books has closed the lane for good."""
    return lane.exchange if isinstance(lane.exchange, RemoteExchange) else None


class Wishes:
    """The wishes to end that signals bring; those that come while a run is still being opened wait for it."""

    def __init__(self) -> None:
        self._ending: Ending | None = None
        self._waiting = 0

    def add(self) -> None:
        """One more wish to end."""
        if self._ending is None:
            self._waiting += 1
        else:
            self._ending.ask()

    @contextmanager
    def lead_to(self, ending: Ending) -> Iterator[None]:
        """Let a run be ended by the wishes, those that waited first; once it has ended, signals cut its seal off."""
        self._ending = ending
        for _ in range(self._waiting):
            ending.ask()
        try:
            yield
        finally:
            _release()


@contextmanager
def signals() -> Iterator[Wishes]:
    """Take SIGINT and SIGTERM as wishes to end, from before a run has its first byte to the end of its loop."""
    wishes = Wishes()
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, wishes.add)
    try:
        yield wishes
    finally:
        _release()


def _release() -> None:
    """Let signals do again what they do to any program."""
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.remove_signal_handler(number)
