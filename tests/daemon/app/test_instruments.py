"""Specifications of a live run: what the venue says later is a fact of the run too."""

from __future__ import annotations

import asyncio
from collections.abc import Container
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from adapters.bybit.instruments import PATH
from adapters.sandbox.listings import LISTINGS
from adapters.sandbox.market import Frame
from adapters.sandbox.market_data import DEMO_START_MS, MINUTE_MS, demo_data
from adapters.sandbox.synthetic_market import SyntheticMarket, SyntheticSettings
from daemon.app.instruments import InstrumentWatch, asked_symbols
from daemon.app.live import LiveOptions, Watchers, run_live
from daemon.app.runs import Mode
from daemon.core.events import Instrument
from daemon.core.units import NS_PER_MINUTE, NS_PER_MS
from daemon.journal import read_inputs, verify_run
from daemon.loop import read_fact
from tests.adapters.bybit.test_instruments import Handler, envelope, item, listing, served
from tests.adapters.bybit.test_risk_limits import ROWS, limits, tier
from tests.simulation.configs import SWING, document, lane, plan_of_document
from tests.simulation.live_runs import CREATED, assert_replay_is_identical
from tests.simulation.sandboxes import sandbox_thread

MINUTES = 20
CHANGE_MS = DEMO_START_MS + 10 * MINUTE_MS
SYMBOLS = ["BTCUSDT", "ETHUSDT"]


class Told:
    """Where a watch tells what changed; keeps it as what is known."""

    def __init__(self, *known: Instrument) -> None:
        self.known = {one.symbol: one for one in known}
        self.heard: list[Instrument] = []
        self.failures: list[Exception] = []

    def tell(self, instrument: Instrument) -> None:
        self.known[instrument.symbol] = instrument
        self.heard.append(instrument)


async def ask_once(handler: Handler, told: Told, *symbols: str) -> None:
    """Let a watch ask one venue once."""
    async with served(handler) as url:
        watch = InstrumentWatch(
            url,
            symbols or ("BTCUSDT",),
            every=NS_PER_MINUTE,
            now=0,
            known=told.known.get,
            tell=told.tell,
            fail=told.failures.append,
        )
        watch.look(1)
        assert watch._asking is not None
        await asyncio.gather(watch._asking, return_exceptions=True)
        await asyncio.sleep(0)
        await watch.close()


async def test_what_did_not_change_is_not_told_again() -> None:
    told = Told()
    tiers = [tier("BTCUSDT", *row) for row in ROWS]
    await ask_once(limits(tiers), told)
    assert [one.symbol for one in told.heard] == ["BTCUSDT"]
    await ask_once(limits(tiers), told)
    await ask_once(limits([tier("BTCUSDT", *row, maintenanceMargin=f"{row[1]}0") for row in ROWS]), told)
    assert len(told.heard) == 1


async def test_each_kind_of_change_is_told_once() -> None:
    told = Told()
    tiers = [tier("BTCUSDT", *row) for row in ROWS]
    await ask_once(limits(tiers), told)
    await ask_once(limits(tiers[:2]), told)
    assert [len(one.risk_tiers) for one in told.heard] == [3, 2]
    await ask_once(listing(item("BTCUSDT", fundingInterval=240)), told)
    assert [one.funding_interval_min for one in told.heard] == [480, 480, 240]


async def test_risk_tiers_stay_when_the_venue_leaves_them_out() -> None:
    told = Told()
    await ask_once(limits([tier("BTCUSDT", *row) for row in ROWS]), told)
    await ask_once(listing(item("BTCUSDT")), told)
    await ask_once(limits([]), told)
    assert len(told.heard) == 1


@pytest.mark.parametrize(
    "answer", [lambda _: envelope({}, 10006, "Too many visits!"), listing(item("BTCUSDT", status=5))]
)
async def test_a_venue_that_cannot_be_asked_is_warned_about(answer: Any) -> None:
    told = Told(LISTINGS["BTCUSDT"].instrument)
    with capture_logs() as said:
        await ask_once(answer, told)
    assert [event["event"] for event in said] == ["instruments_not_asked"]
    assert (told.heard, told.failures) == ([], [])


async def test_a_symbol_that_is_gone_does_not_hide_the_others() -> None:
    told = Told()
    with capture_logs() as said:
        await ask_once(listing(item("ETHUSDT")), told, "BTCUSDT", "ETHUSDT")
    assert "instrument_gone" in [event["event"] for event in said]
    assert [one.symbol for one in told.heard] == ["ETHUSDT"]


class Stumbling(Told):
    """Takes no fact."""

    def tell(self, instrument: Instrument) -> None:
        raise KeyError("a mistake of ours")


async def test_an_error_that_should_not_happen_ends_the_run() -> None:
    told = Stumbling()
    await ask_once(listing(item("BTCUSDT")), told)
    assert [str(error) for error in told.failures] == ["'a mistake of ours'"]


async def test_it_asks_once_a_period_and_never_twice_at_a_time() -> None:
    asked: list[int] = []
    good = listing(item("BTCUSDT"))

    def count(request: Any) -> Any:
        asked.append(request.path == PATH)
        return good(request)

    told = Told()
    async with served(count) as url:
        watch = InstrumentWatch(
            url, ["BTCUSDT"], every=10, now=100, known=told.known.get, tell=told.tell, fail=told.failures.append
        )
        for now in (100, 109):
            watch.look(now)
            assert watch._asking is None
        for now in (110, 115, 130, 199):
            watch.look(now)
        assert watch._asking is not None
        await watch._asking
        await asyncio.sleep(0)
        assert sum(asked) == 1
        watch.look(200)
        assert watch._asking is not None
        await watch._asking
        await watch.close()
    assert sum(asked) == 2


@pytest.mark.parametrize(("every", "symbols"), [(0, ["BTCUSDT"]), (10, [])])
async def test_it_never_asks_where_nobody_wants_it_to(every: int, symbols: list[str]) -> None:
    told = Told()
    watch = InstrumentWatch(
        "http://127.0.0.1:1",
        symbols,
        every=every,
        now=0,
        known=told.known.get,
        tell=told.tell,
        fail=told.failures.append,
    )
    watch.look(10**18)
    assert watch._asking is None


class ChangingMarket(SyntheticMarket):
    """The demo, whose BTCUSDT is listed with other rules from the tenth minute on."""

    def advance(self, wanted: Container[str]) -> list[Frame]:
        if (self.next_ms or 0) >= CHANGE_MS:
            self.listings["BTCUSDT"] = after_change()
        return super().advance(wanted)


def after_change() -> Any:
    before = LISTINGS["BTCUSDT"]
    spec = replace(
        before.instrument,
        max_qty=Decimal("900.000"),
        price_limit_ratio_y=Decimal("0.03"),
        risk_tiers=before.instrument.risk_tiers[:20],
    )
    return replace(before, instrument=spec)


def shadow(tmp_path: Path, mode: Mode = Mode.SHADOW, *, every_min: int = 1) -> Path:
    """A run on a changing sandbox over real sockets, two seconds long."""
    settings = SyntheticSettings(start_ms=DEMO_START_MS, end_ms=DEMO_START_MS + MINUTES * MINUTE_MS)
    market = ChangingMarket(demo_data(SYMBOLS), settings)
    with sandbox_thread(market, speed=600.0) as ready:
        feed = {"instruments_every_min": every_min}
        content = document([lane("swing", SWING)], venue=ready, symbols=SYMBOLS, feed=feed)
        options = LiveOptions(until=CREATED + (MINUTES - 1) * NS_PER_MINUTE)
        result = run_live(mode, plan_of_document(tmp_path, content), tmp_path / "logs", options, Watchers())
    return Path(result.run_dir)


def instruments(run_dir: Path) -> list[tuple[int, Instrument]]:
    """Every instrument fact of a run with its time, milliseconds UTC."""
    facts = [
        (record.ts_recv // NS_PER_MS, read_fact(record)) for record in read_inputs(run_dir) if record.kind == "fact"
    ]
    return [(ts, fact) for ts, fact in facts if isinstance(fact, Instrument)]


@pytest.mark.process
@pytest.mark.parametrize("mode", [Mode.SHADOW, Mode.RECORD])
def test_a_listing_that_changes_in_mid_run_is_told_once_and_replayed(tmp_path: Path, mode: Mode) -> None:
    run_dir = shadow(tmp_path, mode)
    told = instruments(run_dir)
    assert [fact for _, fact in told[:2]] == [LISTINGS[symbol].instrument for symbol in SYMBOLS]
    [(changed_at, changed)] = told[2:]
    assert changed == after_change().instrument
    assert changed_at >= CHANGE_MS
    assert verify_run(run_dir).ok
    if mode is Mode.SHADOW:
        assert_replay_is_identical(run_dir)


@pytest.mark.process
def test_where_nobody_asks_again_no_change_is_told(tmp_path: Path) -> None:
    assert len(instruments(shadow(tmp_path, every_min=0))) == 2


def test_the_venue_is_not_asked_for_what_the_configuration_specifies(tmp_path: Path) -> None:
    spec = {"tick": "0.1", "step": "0.001", "min_qty": "0.001", "max_qty": "100", "max_market_qty": "50"}
    content = document(symbols=SYMBOLS) | {"instruments": {"BTCUSDT": spec}}
    assert asked_symbols(plan_of_document(tmp_path, content).config) == ["ETHUSDT"]
