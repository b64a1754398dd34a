from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from daemon.log import REDACTED, configure, get_logger, log_to_stderr

NOON = 1_746_532_800_123_456_789


class Now:
    def __init__(self) -> None:
        self.value = NOON

    def __call__(self) -> int:
        return self.value


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_an_event_goes_to_the_console_and_to_the_file_of_the_run(tmp_path: Path) -> None:
    console = io.StringIO()
    log = configure(now=Now(), run_directory=tmp_path, stream=console)
    get_logger("app").info("run_started", run="r1", symbols=3, note="two words", empty="")
    log.close(NOON)
    assert console.getvalue() == (
        '2025-05-06T12:00:00.123Z info     run_started component=app run=r1 symbols=3 note="two words" empty=""\n'
    )
    assert lines(tmp_path / "run.log") == [
        {
            "timestamp": "2025-05-06T12:00:00.123Z",
            "component": "app",
            "run": "r1",
            "symbols": 3,
            "note": "two words",
            "empty": "",
            "event": "run_started",
            "level": "info",
        }
    ]


def test_a_terminal_gets_colours() -> None:
    console = Terminal()
    configure(now=Now(), stream=console)
    get_logger("app").warning("feed_stale", symbol="BTCUSDT")
    assert "\x1b[" in console.getvalue()
    assert "feed_stale" in console.getvalue()


def test_the_console_can_speak_json() -> None:
    console = io.StringIO()
    configure(now=Now(), stream=console, json=True)
    get_logger("app").error("refused", reason="a\nb")
    assert json.loads(console.getvalue())["reason"] == "a\nb"


def test_levels_below_the_chosen_one_are_not_written() -> None:
    console = io.StringIO()
    configure(now=Now(), stream=console, level="warning")
    logger = get_logger("app")
    logger.debug("a")
    logger.info("b")
    logger.warning("c")
    logger.critical("d")
    assert [line.split()[2] for line in console.getvalue().splitlines()] == ["c", "d"]


def test_a_logger_made_before_the_set_up_follows_it() -> None:
    logger = get_logger("early")
    console = io.StringIO()
    configure(now=Now(), stream=console)
    logger.info("a")
    other = io.StringIO()
    configure(now=Now(), stream=other)
    logger.info("b")
    assert ("a component=early" in console.getvalue(), "b component=early" in other.getvalue()) == (True, True)


@pytest.mark.parametrize("terminal", [True, False])
def test_text_from_outside_can_neither_steer_the_terminal_nor_fake_a_line(terminal: bool) -> None:
    console = Terminal() if terminal else io.StringIO()
    configure(now=Now(), stream=console)
    get_logger("app").info("rejected\n2025 critical all_lost", text="\x1b]0;owned\x07\r\nfake\x9b2J", **{"a\x1b": 1})
    written = console.getvalue()
    assert written.count("\n") == 1
    assert not {"\x1b]", "\x07", "\r", "\x9b"} & {written[i : i + n] for i in range(len(written)) for n in (1, 2)}


def test_an_exception_is_written_with_its_trace_and_without_secrets(tmp_path: Path) -> None:
    console = io.StringIO()
    log = configure(now=Now(), run_directory=tmp_path, stream=console, secrets=["hunter2hunter2"])
    try:
        raise ValueError("bad key hunter2hunter2")
    except ValueError:
        get_logger("app").exception("failed", api_key="abc", header={"X-BAPI-SIGN": "def"})
    log.close(NOON)
    for text in (console.getvalue(), (tmp_path / "run.log").read_text()):
        assert f"ValueError: bad key {REDACTED}" in text
        assert "hunter2" not in text
        assert "abc" not in text.replace("Traceback", "")
    assert lines(tmp_path / "run.log")[0]["header"] == {"X-BAPI-SIGN": REDACTED}


def test_repeats_are_summarised_and_the_rest_is_told_at_the_end(tmp_path: Path) -> None:
    now = Now()
    log = configure(now=now, run_directory=tmp_path, stream=io.StringIO(), repeats_max=2)
    logger = get_logger("feed")
    for _ in range(5):
        logger.warning("reconnect")
    now.value += 10 * 10**9
    logger.info("connected")
    for _ in range(3):
        logger.info("connected")
    log.close(now.value)
    said = [(line["event"], line.get("suppressed")) for line in lines(tmp_path / "run.log")]
    assert said == [
        ("reconnect", None),
        ("reconnect", None),
        ("reconnect", 3),
        ("connected", None),
        ("connected", None),
        ("connected", 2),
    ]
    assert "_summaries" not in (tmp_path / "run.log").read_text()


def test_a_closed_console_is_left_alone_and_the_file_goes_on(tmp_path: Path) -> None:
    console = io.StringIO()
    log = configure(now=Now(), run_directory=tmp_path, stream=console)
    console.close()
    get_logger("app").info("a")
    get_logger("app").info("b")
    log.close(NOON)
    assert [line["event"] for line in lines(tmp_path / "run.log")] == ["a", "b"]


def test_a_console_that_was_closed_before_is_no_reason_to_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    log = configure(now=Now(), run_directory=tmp_path)
    get_logger("app").info("a")
    log.close(NOON)
    assert len(lines(tmp_path / "run.log")) == 1


def test_a_reader_that_went_away_is_no_reason_to_stop() -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w", buffering=1) as console:
        log = configure(now=Now(), stream=console)
        os.close(reader)
        get_logger("app").info("a" * 10)
        get_logger("app").info("b")
        assert log.lost == 0
        os.dup2(sink := os.open(os.devnull, os.O_WRONLY), console.fileno())
        os.close(sink)


def test_a_reader_that_stopped_reading_never_blocks() -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb"), os.fdopen(writer, "w", buffering=1) as console:
        configure(now=Now(), stream=console, repeats_max=0)
        logger = get_logger("app")
        for number in range(200):
            logger.info("x" * 1000, number=number)
        os.set_blocking(reader, False)
        assert 32_000 < len(os.read(reader, 1 << 20)) <= 1 << 16


def test_a_full_disk_and_a_closed_console_together_lose_lines_and_nothing_else(tmp_path: Path) -> None:
    console = io.StringIO()
    log = configure(now=Now(), run_directory=tmp_path / "missing", stream=console)
    console.close()
    for number in range(5):
        get_logger("app").error("a", number=number)
    assert log.lost == 5


def test_before_it_is_configured_the_log_speaks_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr()
    get_logger("somebody").warning("something_happened")
    said = capsys.readouterr()
    assert said.out == ""
    assert "something_happened" in said.err


def test_the_way_to_stderr_works_again_after_a_run_had_its_log(capsys: pytest.CaptureFixture[str]) -> None:
    log = configure(now=lambda: 0, stream=io.StringIO())
    log.close(0)
    log_to_stderr()
    get_logger("trade").warning("still_here")
    assert "still_here" in capsys.readouterr().err
