"""What libraries say by the standard `logging` goes the way of our own events, so that no secret gets around it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from daemon.log.setup import get_logger


class _Forward(logging.Handler):
    """Turns a record into an event of the component that said it."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
        except Exception as error:  # noqa: BLE001 - a library's broken message must not reach the trading loop
            text = f"a message that cannot be shown: {type(error).__name__}"
        say = get_logger(record.name)
        (say.error if record.levelno >= logging.ERROR else say.warning)("library", text=text)


@contextmanager
def libraries_through_our_log() -> Iterator[None]:
    """While the context lasts, warnings and errors of libraries are events of ours; what is less is not said at all."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    root.handlers[:] = [_Forward(level=logging.WARNING)]
    root.setLevel(logging.WARNING)
    try:
        yield
    finally:
        root.handlers[:], root.level = before
