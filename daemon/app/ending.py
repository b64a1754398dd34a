"""How a live run ends: at its time, or when it is asked to; one that trades first settles what is in flight."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from daemon.core.engine import Engine
from daemon.core.events import Command
from daemon.core.remote.exchange import RemoteExchange
from daemon.core.units import NEVER
from daemon.log import get_logger
from daemon.loop import LiveLoop, Stopped

DRAIN_S = 5.0
log = get_logger("ending")


class Ending:
    """Decides when the loop of a run stops.

    The first wish to end tells a run that trades to drain: it decides nothing new, and is stopped when nothing of it is
    in flight any more, or after five seconds of the world. The second wish ends every run at once, unsealed.

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
        self._exchanges = remote_exchanges(engine)
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
        if not self._exchanges:
            self._live.stop(why)
            return
        log.info("draining", reason=str(why))
        self._live.tell(Command("drain", reason=str(why)))
        asyncio.get_running_loop().call_later(DRAIN_S, self._give_up)

    def look(self, inputs: int, now: int) -> None:
        """Called after each batch: whether it is time to end, or all is settled; `now` is the run's time."""
        if self._why is not None:
            if all(exchange.settled for exchange in self._exchanges):
                self._live.stop(self._why)
        elif self._flat and self._is_flat():
            self.ask(Stopped.FLAT)
        elif self._exchanges and now >= self._until:
            self.ask(Stopped.UNTIL)
        elif self._exchanges and self._inputs_max and inputs >= self._inputs_max:
            self.ask(Stopped.INPUTS)

    def _is_flat(self) -> bool:
        panics = self._engine.desk.panics
        return all(lane.name in panics and panics[lane.name].proved for lane in self._engine.lanes)

    def _give_up(self) -> None:
        if self._why is not None:
            left = [exchange for exchange in self._exchanges if not exchange.settled]
            if left:
                log.warning("ended_unsettled", accounts=len(left))
            self._live.stop(self._why)


def remote_exchanges(engine: Engine) -> list[RemoteExchange]:
    """The exchanges of an engine that are reached over a network, in the order of its lanes."""
    return [lane.exchange for lane in engine.lanes if isinstance(lane.exchange, RemoteExchange)]


@contextmanager
def signals(ending: Ending) -> Iterator[None]:
    """End the run in good order on SIGINT and SIGTERM, and at once when they come again."""
    loop = asyncio.get_running_loop()
    wanted = (signal.SIGINT, signal.SIGTERM)
    for number in wanted:
        loop.add_signal_handler(number, ending.ask)
    try:
        yield
    finally:
        for number in wanted:
            loop.remove_signal_handler(number)
