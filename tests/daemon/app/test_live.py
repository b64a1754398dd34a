"""A live run: what it subscribes to, and how it goes on after a stop at an awkward moment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.sandbox.listings import LISTINGS
from adapters.sandbox.synthetic_market import demo_market
from daemon.app.lanes import Plan
from daemon.app.live import LiveOptions, Watchers, run_live
from daemon.app.runs import Mode, describe_run
from daemon.app.venue import feed_topics, venue_environment
from daemon.clock import SystemClock
from daemon.core.errors import ConfigError
from daemon.core.events import Instrument, Restarted, Timer, TroubleKind, VenueTrouble
from daemon.core.records import FillLine
from daemon.core.units import NS_PER_MINUTE, NS_PER_SECOND
from daemon.journal import Journal, read_inputs, verify_run
from daemon.loop import read_fact
from tests.simulation.configs import SWING, document, lane, plan_of_document
from tests.simulation.disk import records, the_run
from tests.simulation.live_runs import CREATED, assert_replay_is_identical
from tests.simulation.sandboxes import sandbox_thread

MINUTES = 30


def test_topics_are_those_of_the_configuration_in_its_order(tmp_path: Path) -> None:
    feed = {"book_depth": 200, "klines": ["1m", "5m", "1h", "1d", "1w"]}
    plan = plan_of_document(tmp_path, document(symbols=["ETHUSDT", "BTCUSDT"], feed=feed))
    klines = [f"kline.{code}.ETHUSDT" for code in ("1", "5", "60", "D", "W")]
    topics = feed_topics(plan.config)
    assert topics[:8] == ["orderbook.200.ETHUSDT", "publicTrade.ETHUSDT", "tickers.ETHUSDT", *klines]
    assert len(topics) == 16


def test_what_is_switched_off_is_not_subscribed(tmp_path: Path) -> None:
    feed = {"book_depth": 0, "trades": False, "tickers": False, "klines": ["1m"]}
    plan = plan_of_document(tmp_path, document(symbols=["BTCUSDT"], feed=feed))
    assert feed_topics(plan.config) == ["kline.1.BTCUSDT"]


def test_the_environments_of_the_venue_are_known_and_a_custom_one_is_as_written(tmp_path: Path) -> None:
    custom = plan_of_document(tmp_path, document()).config
    assert venue_environment(custom).public_linear == custom.venue.public_url
    for name in ("mainnet", "testnet", "demo"):
        venue = msgspec.structs.replace(custom.venue, environment=name)
        assert "bybit" in venue_environment(msgspec.structs.replace(custom, venue=venue)).rest


def test_a_feed_without_symbols_is_refused(tmp_path: Path) -> None:
    plan = plan_of_document(tmp_path, document())
    feed = msgspec.structs.replace(plan.config.feed, symbols=())
    empty = Plan(msgspec.structs.replace(plan.config, feed=feed), tmp_path)
    with pytest.raises(ConfigError, match="nothing to subscribe to"):
        run_live(Mode.SHADOW, empty, tmp_path / "logs", LiveOptions(), Watchers())


@pytest.mark.process
@pytest.mark.parametrize("told", [0, 1, 2])
def test_a_run_stopped_before_its_instruments_were_written_tells_them_when_it_goes_on(
    tmp_path: Path, told: int
) -> None:
    """A SIGKILL may leave a manifest and none, one or all of the first inputs."""
    symbols = ["BTCUSDT", "ETHUSDT"]
    known = [LISTINGS[symbol].instrument for symbol in symbols]
    with sandbox_thread(demo_market(symbols, minutes=MINUTES)) as ready:
        plan = plan_of_document(tmp_path, document([lane("swing", SWING)], venue=ready, symbols=symbols))
        manifest = describe_run("shadow-1", Mode.SHADOW, plan, created=CREATED, instruments=known)
        journal = Journal.create(tmp_path / "logs" / "shadow-1", manifest)
        for instrument in known[:told]:
            journal.append_fact(CREATED, "daemon", instrument)
        journal.close()
        until = LiveOptions(until=CREATED + (MINUTES - 1) * NS_PER_MINUTE)
        result = run_live(Mode.SHADOW, plan, tmp_path / "logs", until, Watchers())
    assert result.resumed
    run_dir = the_run(tmp_path / "logs")
    first = [read_fact(record) for record in read_inputs(run_dir) if record.source == "daemon"]
    assert [type(fact) for fact in first] == [Instrument] * told + [Restarted] + [Instrument] * (2 - told)
    assert {record.symbol for record in records(run_dir) if isinstance(record, FillLine)} == set(symbols)
    assert min(record.ts_recv for record in read_inputs(run_dir)) >= CREATED
    assert verify_run(run_dir).ok
    assert_replay_is_identical(run_dir)


def with_trouble(content: dict[str, Any], *troubles: dict[str, Any]) -> dict[str, Any]:
    return content | {"trouble": list(troubles)}


def trouble_in(run_dir: Path) -> list[tuple[float, str, VenueTrouble]]:
    """(seconds after the first input, source, fact) of each trouble that a run was told."""
    found = list(read_inputs(run_dir))
    facts = [(record, read_fact(record)) for record in found if record.kind == "fact"]
    return [
        ((record.ts_recv - found[0].ts_recv) / NS_PER_SECOND, record.source, fact)
        for record, fact in facts
        if isinstance(fact, VenueTrouble)
    ]


PLAN = (
    {"kind": "reject", "count": 3, "after_ms": 0},
    {"kind": "lost_answer", "delay_ms": 5000, "lane": "swing", "at": "2025-05-06T00:10:00Z"},
    {"kind": "disconnect", "delay_ms": 60_000, "after_ms": 900_000},
    {"kind": "reject", "after_ms": 10**9},
)


@pytest.mark.process
def test_planned_trouble_is_journaled_by_a_shadow_run_and_replayed_once(tmp_path: Path) -> None:
    until = LiveOptions(until=CREATED + (MINUTES - 1) * NS_PER_MINUTE)
    with sandbox_thread(demo_market(["BTCUSDT"], minutes=MINUTES)) as ready:
        content = document([lane("swing", SWING)], venue=ready, symbols=["BTCUSDT"])
        plan = plan_of_document(tmp_path, with_trouble(content, *PLAN))
        run_dir = Path(run_live(Mode.SHADOW, plan, tmp_path / "logs", until, Watchers()).run_dir)
    first, second, third = trouble_in(run_dir)
    assert (first[:2], first[2].count) == ((0.0, "plan"), 3)
    assert second[2] == VenueTrouble(kind=TroubleKind.LOST_ANSWER, delay_ms=5000, lane="swing")
    assert (third[0], third[2].kind) == (900.0, TroubleKind.DISCONNECT)
    assert verify_run(run_dir).ok
    assert_replay_is_identical(run_dir)


@pytest.mark.process
def test_a_run_that_goes_on_is_told_the_trouble_that_is_left(tmp_path: Path) -> None:
    until = LiveOptions(until=CREATED + (MINUTES - 1) * NS_PER_MINUTE)
    instrument = LISTINGS["BTCUSDT"].instrument
    with sandbox_thread(demo_market(["BTCUSDT"], minutes=MINUTES)) as ready:
        content = document([lane("swing", SWING)], venue=ready, symbols=["BTCUSDT"])
        plan = plan_of_document(tmp_path, with_trouble(content, *PLAN))
        manifest = describe_run("shadow-1", Mode.SHADOW, plan, created=CREATED, instruments=[instrument])
        journal = Journal.create(tmp_path / "logs" / "shadow-1", manifest)
        journal.append_fact(CREATED, "daemon", instrument)
        journal.append_fact(CREATED, "plan", plan.config.trouble[0].trouble())
        journal.close()
        result = run_live(Mode.SHADOW, plan, tmp_path / "logs", until, Watchers())
    assert result.resumed
    told = trouble_in(Path(result.run_dir))
    assert [(at, fact.kind) for at, _, fact in told] == [(0.0, "reject"), (600.0, "lost_answer"), (900.0, "disconnect")]
    assert_replay_is_identical(Path(result.run_dir))


@pytest.mark.process
def test_a_recording_is_told_no_trouble(tmp_path: Path) -> None:
    with sandbox_thread(demo_market(["BTCUSDT"], minutes=MINUTES)) as ready:
        content = document([lane("swing", SWING)], venue=ready, symbols=["BTCUSDT"])
        plan = plan_of_document(tmp_path, with_trouble(content, *PLAN))
        result = run_live(Mode.RECORD, plan, tmp_path / "logs", LiveOptions(inputs_max=300), Watchers())
    assert result.inputs == 300
    assert trouble_in(Path(result.run_dir)) == []


@pytest.mark.process
def test_a_recording_that_was_stopped_goes_on_recording(tmp_path: Path) -> None:
    with sandbox_thread(demo_market(["BTCUSDT"], minutes=MINUTES)) as ready:
        plan = plan_of_document(tmp_path, document([lane("swing", SWING)], venue=ready, symbols=["BTCUSDT"]))
        manifest = describe_run("record-1", Mode.RECORD, plan, created=CREATED)
        Journal.create(tmp_path / "logs" / "record-1", manifest).close()
        result = run_live(Mode.RECORD, plan, tmp_path / "logs", LiveOptions(inputs_max=300), Watchers())
    assert (result.run, result.resumed, result.inputs, result.decision_lines) == ("record-1", True, 300, 0)
    assert verify_run(Path(result.run_dir)).ok


@pytest.mark.process
def test_by_the_machines_clock_a_run_ends_on_time_although_the_market_is_over(tmp_path: Path) -> None:
    """The market stops within a moment, the clock does not: the timer goes on and the end time ends the run."""
    with sandbox_thread(demo_market(["BTCUSDT"], minutes=2)) as ready:
        content = document([lane("swing", SWING)], venue=ready, symbols=["BTCUSDT"], clock="system")
        content["feed"]["timer_ms"] = 100
        plan = plan_of_document(tmp_path, content)
        result = run_live(Mode.SHADOW, plan, tmp_path / "logs", _for_a_moment(), Watchers())
    facts = [read_fact(record) for record in read_inputs(Path(result.run_dir)) if record.source == "loop"]
    due = [fact.due for fact in facts if isinstance(fact, Timer)]
    assert result.reason == "reached the end time"
    assert 3 <= len(due) <= 12
    assert due == sorted(set(due))
    assert_replay_is_identical(Path(result.run_dir))


def _for_a_moment() -> LiveOptions:
    return LiveOptions(until=SystemClock().now() + 700_000_000)
