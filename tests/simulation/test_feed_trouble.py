"""Trouble on the feed: it becomes inputs, the run goes on, and a replay concludes the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.bybit.decoder import FrameDecoder
from adapters.sandbox.faults import Faults, Mute
from adapters.sandbox.synthetic_market import demo_market
from daemon.app.live import LiveOptions, Watchers, run_live
from daemon.app.runs import Mode, RunResult
from daemon.core.events import BookDown, BookSnapshot, Fact, Link, Quarantined, Stale
from daemon.core.units import NS_PER_MINUTE
from daemon.journal import read_inputs, verify_run
from daemon.loop import read_fact
from tests.simulation.configs import document, plan_of_document
from tests.simulation.live_runs import CREATED, assert_replay_is_identical
from tests.simulation.sandboxes import sandbox_thread

pytestmark = pytest.mark.process

BOOK = "orderbook.50.BTCUSDT"
MINUTES = 20
RESYNC_MS = 1200  # a topic is asked for anew at most once a second


def shadow(folder: Path, faults: Faults, *, feed: dict[str, Any] | None = None, **settings: Any) -> RunResult:
    """Shadow most of a short market that plays with faults."""
    with sandbox_thread(demo_market(["BTCUSDT"], minutes=MINUTES), faults=faults, **settings) as ready:
        plan = plan_of_document(folder, document(venue=ready, symbols=["BTCUSDT"], feed=feed))
        until = CREATED + (MINUTES - 1) * NS_PER_MINUTE
        return run_live(Mode.SHADOW, plan, folder / "logs", LiveOptions(until=until), Watchers())


def facts(run_dir: Path) -> Iterator[tuple[int, Fact]]:
    """Everything the engine was told, with the seq of the input it came from."""
    decoder = FrameDecoder()
    for record in read_inputs(run_dir):
        if record.kind == "fact":
            fact = read_fact(record)
            yield record.seq, fact
            yield from ((record.seq, found) for found in decoder.observe(fact))
        else:
            found_here = decoder.decode(record.payload, record.ts_recv, record.source)
            yield from ((record.seq, found) for found in found_here)


def check(result: RunResult) -> list[tuple[int, Fact]]:
    """The run reached its end, is sound, and its replay is identical."""
    run_dir = Path(result.run_dir)
    assert result.reason == "reached the end time"
    assert verify_run(run_dir).ok
    assert result.decision_lines > 20
    assert_replay_is_identical(run_dir)
    return list(facts(run_dir))


def snapshots_after(found: list[tuple[int, Fact]], seq: int) -> int:
    return sum(isinstance(fact, BookSnapshot) and at > seq for at, fact in found)


def test_an_undisturbed_feed_has_one_link_and_one_snapshot_and_nothing_unreadable(tmp_path: Path) -> None:
    result = shadow(tmp_path, Faults())
    kinds = Counter(type(fact) for _, fact in check(result))
    assert result.quarantined == 0
    assert (kinds[Link], kinds[BookSnapshot], kinds[BookDown], kinds[Stale]) == (1, 1, 0, 0)


def test_garbage_is_kept_counted_and_passed_over(tmp_path: Path) -> None:
    result = shadow(tmp_path, Faults(garbage_before=(40, 41, 300)))
    found = check(result)
    assert result.quarantined == 3
    quarantined = [seq for seq, fact in found if isinstance(fact, Quarantined)]
    kept = {record.seq: record for record in read_inputs(Path(result.run_dir)) if record.kind == "bytes"}
    assert sorted(kept) == quarantined
    assert all(b"orderbook.50.BTC\xc3\x9f" in record.payload for record in kept.values())


def test_a_gap_in_the_book_drops_it_and_a_fresh_snapshot_is_asked_for(tmp_path: Path) -> None:
    found = check(shadow(tmp_path, Faults(skip_delta_at=(200,), stall_before=((230, RESYNC_MS),))))
    [(lost, down)] = [(seq, fact) for seq, fact in found if isinstance(fact, BookDown)]
    assert down.symbol == "BTCUSDT"
    assert snapshots_after(found, lost) == 1


def test_a_dropped_connection_is_told_and_made_again(tmp_path: Path) -> None:
    found = check(shadow(tmp_path, Faults(drop_after=(250,))))
    links = [(seq, fact) for seq, fact in found if isinstance(fact, Link)]
    assert [fact.up for _, fact in links] == [True, False, True]
    assert links[1][1].reason
    assert any(isinstance(fact, BookDown) for seq, fact in found if seq == links[1][0])
    assert snapshots_after(found, links[2][0]) == 1


def test_a_muted_topic_is_told_stale_and_told_again_when_it_speaks(tmp_path: Path) -> None:
    """At 1500 times real time a minute of silence takes 40 ms; 300 frames of it take longer than the limit of 100."""
    faults = Faults(mute=(Mute(BOOK, 100, 500),))
    feed = {"stale_after_ms": {"book": 100, "ticker": 0, "trades": 0, "klines": 0}}
    found = check(shadow(tmp_path, faults, feed=feed, speed=1500.0))
    told = [fact.stale for _, fact in found if isinstance(fact, Stale) and fact.topic == BOOK]
    assert told[:2] == [True, False]


def test_frames_that_come_twice_change_nothing_of_what_is_decided(tmp_path: Path) -> None:
    result = shadow(tmp_path, Faults(duplicate=(50, 60, 70, 400)))
    found = check(result)
    assert result.quarantined == 0
    assert not any(isinstance(fact, BookDown) for _, fact in found)


def test_every_kind_of_trouble_at_once_still_ends_in_an_identical_replay(tmp_path: Path) -> None:
    faults = Faults(
        drop_after=(150, 700),
        skip_delta_at=(90, 400),
        garbage_before=(60, 500),
        duplicate=(80, 450),
        stall_before=((120, RESYNC_MS), (430, RESYNC_MS)),
    )
    result = shadow(tmp_path, faults)
    kinds = Counter(type(fact) for _, fact in check(result))
    assert kinds[Quarantined] == result.quarantined == 2
    assert kinds[Link] == 5
    assert kinds[BookDown] == 4


def test_a_record_run_keeps_the_feed_and_decides_nothing(tmp_path: Path) -> None:
    with sandbox_thread(demo_market(["BTCUSDT"], minutes=MINUTES)) as ready:
        plan = plan_of_document(tmp_path, document(venue=ready, symbols=["BTCUSDT"]))
        options = LiveOptions(inputs_max=500)
        result = run_live(Mode.RECORD, plan, tmp_path / "logs", options, Watchers())
    assert (result.inputs, result.decision_lines, result.reason) == (500, 0, "reached the number of inputs")
    kinds = Counter(record.kind for record in read_inputs(Path(result.run_dir)))
    assert kinds["frame"] == result.frames > 400
    first = next(record for record in read_inputs(Path(result.run_dir)) if record.kind == "frame")
    assert msgspec.json.decode(first.payload)["success"] is True
