"""Puts structlog together: processors, how a line looks, where it goes."""

from __future__ import annotations

import json as json_text
import select
import sys
from collections.abc import Callable, Iterable, MutableMapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any, TextIO

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from daemon.log.redaction import Redactor
from daemon.log.repeats import SUMMARIES, RepeatLimit
from daemon.log.run_log import RunLog

# A pipe or terminal that polls as writable takes this much without blocking (PIPE_BUF is 4096 bytes).
PIECE = 1024

Event = MutableMapping[str, Any]
Render = Callable[[Event], str]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
_ONE_LINE = {**_CONTROLS, ord("\n"): "\\n", ord("\t"): "\\t"}


class Log:
    """What `configure` set up, to end it and to ask what was lost.

    run_log: the file of the run, None without a folder.
    """

    def __init__(self, stream: TextIO | None, render: Render, run_log: RunLog | None, repeats: RepeatLimit) -> None:
        self.run_log = run_log
        self._stream = stream
        self._render = render
        self._repeats = repeats
        self._lock = Lock()

    @property
    def lost(self) -> int:
        """Lines that `run.log` could not take."""
        return self.run_log.lost if self.run_log is not None else 0

    def write(self, events: Iterable[Event]) -> None:
        """Write events that went through all processors."""
        with self._lock:
            for event in events:
                if self.run_log is not None:
                    self.run_log.write(_json_line(event).encode() + b"\n")
                self._say(event)

    def close(self, now: int) -> None:
        """Tell what repeated messages were held back, and release the file. `now` is nanoseconds UTC."""
        self.write(_stamped(self._repeats.summaries(), now))
        if self.run_log is not None:
            self.run_log.close()

    def _say(self, event: Event) -> None:
        """Print on the console as much as it takes without waiting; one that is closed is left alone for good."""
        if self._stream is None:
            return
        text = self._render(event) + "\n"
        try:
            for start in range(0, len(text), PIECE):
                if not _is_writable(self._stream):
                    return
                self._stream.write(text[start : start + PIECE])
                self._stream.flush()
        except (BrokenPipeError, ValueError):
            self._stream = None
        except OSError:
            return


class _Logger:
    """The object that structlog calls at the end of the processors, by the name of the level."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def info(self, *, events: list[Event]) -> None:
        self._log.write(events)

    debug = warning = warn = error = critical = exception = fatal = msg = info


def configure(
    *,
    now: Callable[[], int],
    run_directory: Path | None = None,
    json: bool = False,
    level: str = "info",
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
    repeats_max: int = 20,
    run_log_bytes_max: int = 8 << 20,
) -> Log:
    """Set up structlog for this process; call it again to change it, such as once the run's folder is known.

    Args:
        now: nanoseconds UTC, such as `SystemClock().now`.
        run_directory: folder that gets a `run.log`; None for none.
        json: JSON lines on the console; otherwise colours on a terminal, key=value text elsewhere.
        level: least level shown: debug, info, warning, error or critical.
        secrets: values that may never be written.
        stream: the console, stderr by default.
        repeats_max: how often an event of one component may come in 10 s; 0 for no limit.
        run_log_bytes_max: size at which `run.log` is rotated.
    """
    console: TextIO | None = sys.stderr if stream is None else stream  # None when descriptor 2 was closed
    run_log = RunLog(run_directory / "run.log", now, bytes_max=run_log_bytes_max) if run_directory else None
    repeats = RepeatLimit(now, limit=repeats_max)
    log = Log(console, _json_line if json else _renderer(console), run_log, repeats)

    def hand_over(_logger: object, _method: str, event: Event) -> tuple[tuple[()], dict[str, Any]]:
        return (), {"events": _stamped([*event.pop(SUMMARIES, ()), event], now())}

    processors: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        Redactor(secrets),
        repeats,
        hand_over,
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Logger(log),
        cache_logger_on_first_use=False,
    )
    return log


def log_to_stderr() -> None:
    """Until `configure` is called, say what there is to say on stderr: stdout belongs to results.

    What an earlier `configure` of this process set up is left behind: its processors hand over to its own logger only.
    """
    structlog.reset_defaults()
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))


def get_logger(name: str) -> FilteringBoundLogger:
    """A logger whose events carry `component=name`; may be made before `configure` is called."""
    logger: FilteringBoundLogger = structlog.get_logger(component=name)
    return logger


def _stamped(events: Iterable[Event], now: int) -> list[Event]:
    moment = (_EPOCH + timedelta(microseconds=now // 1000)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return [{"timestamp": moment, **event} for event in events]


def _is_writable(stream: TextIO) -> bool:
    """Whether writing would not block; streams that are no files always take it."""
    try:
        return bool(select.select([], [stream.fileno()], [], 0)[1])
    except (OSError, ValueError):
        return not stream.closed


def _json_line(event: Event) -> str:
    return json_text.dumps(event)


def _renderer(stream: TextIO | None) -> Render:
    is_terminal = stream is not None and not stream.closed and stream.isatty()
    return _coloured() if is_terminal else _key_values


def _coloured() -> Render:
    renderer = structlog.dev.ConsoleRenderer(
        colors=True, sort_keys=False, exception_formatter=structlog.dev.plain_traceback
    )

    def render(event: Event) -> str:
        safe = {key: _safe(value, key) for key, value in event.items()}
        return str(renderer(None, "", safe))

    return render


def _safe(value: object, key: str) -> object:
    """Text from outside cannot steer the terminal or pretend to be another line."""
    if not isinstance(value, str):
        return value
    return value.translate(_CONTROLS if key == "exception" else _ONE_LINE)


def _key_values(event: Event) -> str:
    rest = dict(event)
    exception = rest.pop("exception", None)
    head = f"{rest.pop('timestamp', '')} {rest.pop('level', '')!s:<8} {_safe(rest.pop('event', ''), '')}"
    line = " ".join([head, *(f"{_safe(key, '')}={_quoted(value)}" for key, value in rest.items())])
    return f"{line}\n{_safe(exception, 'exception')}" if exception else line


def _quoted(value: object) -> str:
    if isinstance(value, str) and value and not any(c.isspace() or c in '"=' for c in value):
        return str(_safe(value, ""))
    return str(_safe(json_text.dumps(value, ensure_ascii=False), ""))
