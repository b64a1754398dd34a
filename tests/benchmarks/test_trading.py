from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import TraceRequestChunkSentParams
from yarl import URL

from benchmarks.habits import Pace, PlaceAndCancel
from benchmarks.places import empty_manifest
from benchmarks.stamps import Stamps
from daemon.core.account_events import Op
from daemon.core.records import Action, Choice, Context, DecisionLine, Window
from daemon.core.remote.requests import Call, Request
from daemon.core.strategy import Snapshot
from daemon.core.units import NS_PER_MS, NS_PER_SECOND, ZERO
from daemon.core.venue_records import SendLine
from daemon.journal import Journal, JournalSettings

START = 1_746_489_600_000_000_000
URL_CREATE = URL("http://127.0.0.1:1/v5/order/create")


def snapshot(working: int) -> Snapshot:
    return Snapshot("BTCUSDT", START, None, 100.0, 99.0, 101.0, 0.0, 0.0, 1000.0, working, [100.0])


def test_the_strategy_places_and_cancels_in_turns_and_holds_in_between() -> None:
    one = PlaceAndCancel(Pace(every=3, price=50.0), "BTCUSDT")
    actions = [one.decide(snapshot(working)).action for working in (0, 0, 0, 1, 1, 1)]
    assert actions == [Action.HOLD, Action.HOLD, Action.BUY, Action.HOLD, Action.HOLD, Action.CANCEL]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    now = [START]
    monkeypatch.setattr("benchmarks.stamps.time.time_ns", lambda: now[0])
    return now


def decision(seq: int, ts: int) -> DecisionLine:
    context = Context(100.0, ZERO, ZERO, 1000.0, "", {}, Window(0, ""))
    choice = Choice(Action.HOLD, ZERO, None, "nothing")
    return DecisionLine(seq, seq, ts, "main", "one", "BTCUSDT", seq, context, choice, ())


def send(seq: int, ts: int, link: str) -> SendLine:
    return SendLine(
        seq, seq, ts, "main", f"r{seq}", "create", "o", link, "BTCUSDT", "POST", "/v5/order/create", "{}", 0
    )


def test_every_part_of_the_way_is_told_apart(tmp_path: Path, clock: list[int]) -> None:
    stamps = Stamps(slow_fsync_s=0.0)
    with stamps.around_the_product():
        journal = Journal.create(tmp_path / "run", empty_manifest(), JournalSettings(fsync="none", pack=False))
        for number in range(8):
            begin = START + number * NS_PER_SECOND // 2
            link = f"ls-{number}"
            clock[0] = begin + 2 * NS_PER_MS
            journal.append_decision(decision(2 * number + 1, begin))
            journal.append_decision(send(2 * number + 2, begin, link))
            clock[0] += 5 * NS_PER_MS
            call = Call("POST", "/v5/order/create", "{}")
            stamps.released(Request(id="r", account="a", op=Op.CREATE, call=call, link_id=link))
            clock[0] += 3 * NS_PER_MS
            body: Any = b'{"orderLinkId":"%b"}' % link.encode()
            params = TraceRequestChunkSentParams("POST", URL_CREATE, body)
            asyncio.run(stamps.written(None, SimpleNamespace(), params))
        journal.close()
    times = stamps.times(2.0)
    assert len(times.wired) == len(times.decided) == 4
    assert {round(one, 3) for one in times.decided} == {2.0}
    assert {round(one, 3) for one in times.durable} == {5.0}
    assert {round(one, 3) for one in times.carried} == {3.0}
    assert {round(one, 3) for one in times.wired} == {8.0}
