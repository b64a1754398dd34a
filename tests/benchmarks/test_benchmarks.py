from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from adapters.bybit.decoder import FrameDecoder
from benchmarks import __main__ as command
from benchmarks.accounts import positions_20
from benchmarks.bars import bars_full_log, bars_log_off, make_bars
from benchmarks.catalogue import ROWS
from benchmarks.check import PINNED, fallen, pin, read_pinned
from benchmarks.facts import book_deltas, trades
from benchmarks.replays import replay_recorded_frames_zst
from benchmarks.resting import resting_none
from benchmarks.row import Row, against_baseline, against_floor
from benchmarks.sender import make_frame
from benchmarks.size import SHORT
from benchmarks.tape import make_frames
from benchmarks.timing import Duel, contest
from benchmarks.trading import carry_request
from daemon.core.events import Ticker, Trade

TINY = msgspec.structs.replace(SHORT, rounds=1, bar_days=1, facts=300, frame_hours=1)
REQUIRED = {"name", "value", "unit", "floor", "ratio"}
TS = 1_758_841_135_823_000_000


def row(*, rate: float, baseline: float) -> Row:
    duel = Duel((rate,), (baseline,))
    return against_baseline("thing", "things/s", duel, baseline="less", ratio_floor=0.5)


def test_a_ratio_that_fell_by_a_third_fails_the_check() -> None:
    problems = fallen([row(rate=399.0, baseline=1000.0)], {"thing": 0.6})
    assert len(problems) == 1
    assert "thing" in problems[0]


def test_a_ratio_that_fell_by_less_passes() -> None:
    assert fallen([row(rate=410.0, baseline=1000.0)], {"thing": 0.6}) == []


def test_a_slower_machine_passes() -> None:
    assert fallen([row(rate=60.0, baseline=100.0)], {"thing": 0.6}) == []


def test_a_rate_with_an_absolute_floor_is_compared_by_the_yardstick_not_by_time() -> None:
    slow = against_floor("thing", "things/s", Duel((10.0,), (100.0,)), floor=1000.0)
    assert not slow.met
    assert fallen([slow], {"thing": 0.1}) == []
    assert fallen([slow], {"thing": 0.2}) != []


def test_a_figure_that_is_only_a_time_is_never_checked() -> None:
    latency = Row(name="late", value=9.0, unit="ms p99", floor=2.0, ratio=2 / 9, bound="at most")
    assert not latency.met
    assert fallen([latency], {}) == []


def test_a_row_that_nobody_pinned_fails_the_check() -> None:
    assert "pin it" in fallen([row(rate=1.0, baseline=1.0)], {})[0]


def test_pinning_keeps_what_was_not_measured(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text('{"other": 0.25, "thing": 9.0}', encoding="utf-8")
    pin([row(rate=1.0, baseline=4.0)], path)
    assert read_pinned(path) == {"other": 0.25, "thing": 0.25}


def test_every_pinned_row_is_in_the_catalogue_and_no_ratio_is_below_zero() -> None:
    pinned = read_pinned(PINNED)
    assert pinned
    assert set(pinned) <= set(ROWS)
    assert all(ratio > 0 for ratio in pinned.values())


def test_a_floor_is_met_by_value_and_ratio_together() -> None:
    fight = Duel((150.0,), (1000.0,))
    assert not against_baseline("a", "x/s", fight, baseline="b", ratio_floor=0.5, floor=100.0).met
    assert against_baseline("a", "x/s", fight, baseline="b", ratio_floor=0.1, floor=100.0).met
    assert not against_baseline("a", "x/s", fight, baseline="b", ratio_floor=0.1, floor=200.0).met


def test_memory_that_grows_with_the_length_of_the_run_misses_its_ceiling() -> None:
    flat = Row(
        name="m", value=80.0, unit="MB", floor=150.0, ratio=1.01, ratio_floor=1.05, bound="at most", baseline="3x"
    )
    assert flat.met
    assert not msgspec.structs.replace(flat, ratio=1.2).met
    assert not msgspec.structs.replace(flat, value=200.0).met


def test_the_ratio_is_the_middle_of_the_rounds_not_of_the_rates() -> None:
    duel = Duel((100.0, 10.0, 90.0), (200.0, 20.0, 100.0))
    assert duel.ratio == 0.5
    assert duel.value == 90.0
    assert duel.baseline == 100.0


def test_all_works_are_timed_in_turns() -> None:
    turns: list[str] = []

    def work(name: str) -> int:
        turns.append(name)
        return 1

    contest(lambda: work("a"), [lambda: work("b"), lambda: work("c")], 2)
    assert turns == ["a", "b", "c"] * 3


@pytest.mark.parametrize(
    "measure",
    [
        trades,
        book_deltas,
        bars_log_off,
        bars_full_log,
        replay_recorded_frames_zst,
        resting_none,
        positions_20,
        carry_request,
    ],
)
def test_the_smallest_form_of_a_row_has_every_required_key(measure: object) -> None:
    assert callable(measure)
    found = json.loads(msgspec.json.encode(measure(TINY)))
    assert set(found) >= REQUIRED
    assert found["value"] > 0
    assert found["ratio"] > 0
    assert found["relative"] > 0


def test_the_same_bars_and_frames_are_made_each_time() -> None:
    assert make_bars(1) == make_bars(1)
    frames = list(make_frames(1))
    assert frames == list(make_frames(1))
    assert [frame.ts for frame in frames] == sorted(frame.ts for frame in frames)
    assert {frame.topic.partition(".")[0] for frame in frames} == {"orderbook", "publicTrade", "tickers", "kline"}


def test_what_the_sender_sends_is_read_as_trades_and_tickers() -> None:
    decoder = FrameDecoder()
    facts = [fact for number in range(4) for fact in decoder.decode(make_frame(number, TS), TS, "public-1")]
    assert [type(fact) for fact in facts] == [Ticker, Trade, Ticker, Trade]


def test_a_single_row_is_printed_as_json_and_leaves_the_latest_figures_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    latest = tmp_path / "latest.json"
    monkeypatch.setattr(command, "LATEST", latest)
    monkeypatch.setattr(command, "SHORT", TINY)
    assert command.main(["--short", "--json", "--only", "trades"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [found["name"] for found in rows] == ["trades"]
    assert not latest.exists()


def test_the_command_fails_when_a_ratio_fell(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "SHORT", TINY)
    monkeypatch.setattr(command, "read_pinned", lambda: {"trades": 1e9})
    assert command.main(["--short", "--check", "--only", "trades"]) == 1
    assert "slower: trades" in capsys.readouterr().err
