"""Specifications of the instruments of a live run: asked for at its start, and again while it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from adapters.bybit.instruments import fetch_instruments, find_instruments
from daemon.app.fold import config_instruments
from daemon.app.lanes import Plan
from daemon.config import Config
from daemon.core.errors import FeedError
from daemon.core.events import Instrument
from daemon.core.units import NEVER
from daemon.journal import Manifest
from daemon.log import get_logger
from daemon.loop import Pipeline

log = get_logger("instruments")


async def opening_instruments(config: Config, rest_url: str) -> list[Instrument]:
    """Specifications of all symbols: the configuration's own, the rest asked of the venue.

    Raises:
        FeedError: the venue cannot be asked, or does not know a symbol.
    """
    known = {instrument.symbol: instrument for instrument in config_instruments(Plan(config, Path()))}
    if asked := asked_symbols(config):
        known |= {instrument.symbol: instrument for instrument in await fetch_instruments(rest_url, asked)}
    return [known[symbol] for symbol in config.symbols]


def asked_symbols(config: Config) -> list[str]:
    """Symbols that the venue specifies, not the configuration."""
    return [symbol for symbol in config.symbols if symbol not in config.instruments]


def untold_instruments(manifest: Manifest, pipeline: Pipeline) -> list[Instrument]:
    """Instruments of a run that was stopped before its journal held them."""
    known = [msgspec.convert(instrument, Instrument) for instrument in manifest.instruments]
    return [one for one in known if (market := pipeline.engine.market(one.symbol)) and market.instrument is None]


class InstrumentWatch:
    """Asks the venue every so often whether specifications changed, and tells those that did.

    A venue that cannot be asked, or no longer knows a symbol, is warned about; what was known stays. So do risk tiers
    that it leaves out.

    Args:
        rest_url: whom to ask.
        symbols: what for; none to ask for nothing.
        every: how often, nanoseconds of the run's own time; 0 never.
        now: time of the run, from which the first period counts; 0 to ask at once.
        known: what the run holds of a symbol.
        tell: takes a specification that changed.
        fail: takes an error that should not have happened.
    """

    def __init__(
        self,
        rest_url: str,
        symbols: Iterable[str],
        *,
        every: int,
        now: int,
        known: Callable[[str], Instrument | None],
        tell: Callable[[Instrument], None],
        fail: Callable[[Exception], None],
    ) -> None:
        self._rest_url = rest_url
        self._symbols = tuple(symbols)
        self._every = every
        self._known = known
        self._tell = tell
        self._fail = fail
        self._due = now + every if now else 0
        if not every or not self._symbols:
            self._due = NEVER
        self._asking: asyncio.Task[None] | None = None

    def look(self, now: int) -> None:
        """Start to ask if it is time to and nobody is asking; called with the run's time as it passes."""
        if now < self._due or self._asking is not None:
            return
        self._due = now + self._every
        self._asking = asyncio.create_task(self._ask(), name="instruments")
        self._asking.add_done_callback(self._asked)

    async def close(self) -> None:
        """Stop asking."""
        self._due = NEVER
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _ask(self) -> None:
        try:
            found = await find_instruments(self._rest_url, self._symbols)
        except FeedError as error:
            log.warning("instruments_not_asked", reason=error.message)
            return
        for symbol in self._symbols:
            if symbol in found:
                self._compare(found[symbol])
            else:
                log.warning("instrument_gone", symbol=symbol)

    def _compare(self, found: Instrument) -> None:
        known = self._known(found.symbol)
        if known is not None and not found.risk_tiers:
            found = msgspec.structs.replace(found, risk_tiers=known.risk_tiers)
        if found != known:
            log.info("instrument_changed", symbol=found.symbol)
            self._tell(found)

    def _asked(self, task: asyncio.Task[None]) -> None:
        self._asking = None
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._fail(error)
