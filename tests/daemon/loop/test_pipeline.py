"""From an input to the engine: live and folded inputs go the same way."""

from __future__ import annotations

import msgspec
import pytest

from adapters.bybit.decoder import FrameDecoder
from adapters.sandbox.market import timed_frames
from adapters.sandbox.market_data import DEMO_START_MS
from adapters.sandbox.synthetic_market import demo_market
from adapters.sandbox.wire import book_frame, levels_text
from daemon.app.lanes import build_pipeline
from daemon.core.engine import Engine
from daemon.core.errors import JournalError
from daemon.core.events import Fact, Link, Restarted, Timer
from daemon.core.records import Record
from daemon.core.units import NS_PER_MS
from daemon.loop import Pipeline, read_fact
from daemon.ports import Input
from tests.simulation.configs import document, plan_of_document


def made_inputs() -> list[Input]:
    """Half an hour of a market with a timer, a garbled frame and a lost link in it."""
    topics = ["orderbook.50.BTCUSDT", "publicTrade.BTCUSDT", "tickers.BTCUSDT", "kline.1.BTCUSDT"]
    payloads: list[tuple[int, str, bytes]] = []
    for number, (ts_ms, _, payload) in enumerate(timed_frames(demo_market(["BTCUSDT"], minutes=30), topics)):
        ts = ts_ms * NS_PER_MS
        if number == 100:
            payloads.append((ts, "fact", msgspec.json.encode(Timer("tick", ts))))
        if number == 200:
            payloads.append((ts, "bytes", b"no JSON"))
        if number == 300:
            link: Fact = Link("public-1", up=False, reason="test", topics=tuple(topics))
            payloads.append((ts, "fact", msgspec.json.encode(link)))
        payloads.append((ts, "frame", payload))
    return [Input(seq, ts, kind, "public-1", payload) for seq, (ts, kind, payload) in enumerate(payloads, start=1)]


def live(pipeline: Pipeline, inputs: list[Input]) -> None:
    for record in inputs:
        if record.kind == "fact":
            pipeline.fact(record.seq, record.ts_recv, read_fact(record))
        else:
            pipeline.frame(record.seq, record.ts_recv, record.source, record.payload)


def test_folding_recorded_inputs_concludes_what_living_them_did(tmp_path_factory: pytest.TempPathFactory) -> None:
    plan = plan_of_document(tmp_path_factory.mktemp("plan"), document(symbols=["BTCUSDT"]))
    lived: list[Record] = []
    folded: list[Record] = []
    first, second = build_pipeline(plan, lived.append), build_pipeline(plan, folded.append)
    inputs = made_inputs()
    live(first, inputs)
    second.fold(inputs)
    assert msgspec.json.encode(folded) == msgspec.json.encode(lived)
    assert len(folded) > 100
    assert (second.inputs, second.frames) == (first.inputs, first.frames) == (len(inputs), len(inputs) - 2)
    assert (second.timer_due, second.engine.quarantined) == (inputs[100].ts_recv, 1)


def book(kind: str, update_id: int, bid: str, ask: str) -> Input:
    levels = levels_text([(bid, "1")]), levels_text([(ask, "1")])
    payload = book_frame(
        "orderbook.50.BTCUSDT",
        kind,
        "BTCUSDT",
        ts_ms=DEMO_START_MS,
        bids=levels[0],
        asks=levels[1],
        update_id=update_id,
        seq=update_id,
        cts_ms=DEMO_START_MS,
    )
    return Input(update_id, update_id, "frame", "public-1", payload)


@pytest.mark.parametrize(
    "broken", [book("delta", 7, "100", "101"), book("delta", 6, "102", "103")], ids=["a gap", "a crossed book"]
)
def test_books_that_broke_are_told_live_and_forgotten_when_folded(broken: Input) -> None:
    inputs = [book("snapshot", 5, "100", "101"), broken]
    first, second = (Pipeline(FrameDecoder(), Engine([], symbols=["BTCUSDT"])) for _ in range(2))
    live(first, inputs)
    second.fold(inputs)
    assert first.lost_books == ["BTCUSDT"]
    assert second.lost_books == []
    assert second.engine.lost_books == []


@pytest.mark.parametrize("payload", [b'{"fact":"of tomorrow"}', b'{"fact":"timer","name":1,"due":2}'])
def test_a_fact_of_another_version_is_refused_by_its_seq(payload: bytes) -> None:
    with pytest.raises(JournalError, match="input 7: ") as caught:
        read_fact(Input(7, 1, "fact", "loop", payload))
    assert "version" in caught.value.cure


def test_what_the_decoder_concludes_from_a_fact_has_the_facts_cause() -> None:
    pipeline = Pipeline(FrameDecoder(), Engine([], symbols=["BTCUSDT"]))
    pipeline.fact(9, 1, Restarted())
    assert pipeline.engine.desk.cause == 9
    assert (pipeline.inputs, pipeline.frames) == (1, 0)
