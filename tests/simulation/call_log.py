"""What a trading child does to the disk and the network, call by call, and its death at one of these calls.

The product knows nothing of it: the journal's file operations and the sockets of the process are wrapped before the
command line runs. A call is written down, without buffering, right before it is made.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from daemon.journal.files import Files

How = Literal["never", "before", "after", "torn"]
_SEND_LINE = b'"kind":"send"'


class Call(Struct, frozen=True, omit_defaults=True):
    """A call. n: counted from 1.  file: descriptor or name.  texts: bodies of the requests that it writes or sends."""

    n: int
    kind: str
    file: str = ""
    texts: tuple[str, ...] = ()


class Death(Struct, frozen=True):
    """At which call a child kills itself: before it, after it, or in the middle of what it writes or sends."""

    how: How = "never"
    at: int = 0


NO_DEATH = Death()


class _Wrapped:
    """One process's calls."""

    def __init__(self, path: Path, death: Death) -> None:
        self._log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._death = death
        self._count = count(1)

    def call(self, kind: str, file: str, data: bytes, make: Callable[[], Any], half: Callable[[], Any]) -> Any:
        number = next(self._count)
        call = Call(number, kind, file, tuple(_texts(kind, data)))
        os.write(self._log, msgspec.json.encode(call) + b"\n")
        fatal = self._death.how if number == self._death.at else "never"
        if fatal == "before":
            _die()
        if fatal == "torn":
            half()
            _die()
        try:
            result = make()
        finally:  # a connection that is only begun is an error, too
            if fatal == "after":
                _die()
        if kind == "fsync":
            os.write(self._log, msgspec.json.encode(Call(number, "synced", file)) + b"\n")
        return result


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def install(path: Path, death: Death) -> None:
    """Wrap the journal's file operations and the sockets of this process."""
    wrapped = _Wrapped(path, death)
    _wrap_files(wrapped)
    _wrap_sockets(wrapped)


def _nothing() -> None:
    pass


def _wrap_files(wrapped: _Wrapped) -> None:
    real_write = Files.write

    def write(self: Files, descriptor: int, data: memoryview) -> int:
        half = data[: max(1, len(data) // 2)]
        return int(
            wrapped.call(
                "write",
                str(descriptor),
                bytes(data),
                lambda: real_write(self, descriptor, data),
                lambda: real_write(self, descriptor, half),
            )
        )

    Files.write = write  # type: ignore[method-assign]
    for name in ("fsync", "fsync_dir", "rename", "truncate", "open"):
        setattr(Files, name, _noted(wrapped, name, getattr(Files, name)))


def _noted(wrapped: _Wrapped, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def noted(self: Files, *arguments: Any, **options: Any) -> Any:
        return wrapped.call(name, str(arguments[0]), b"", lambda: real(self, *arguments, **options), _nothing)

    return noted


def _wrap_sockets(wrapped: _Wrapped) -> None:
    """Only what goes to the venue; the control socket and the loop's own are left alone."""
    real_send, real_connect = socket.socket.send, socket.socket.connect

    def send(self: socket.socket, data: Any, *flags: int) -> int:
        if self.family != socket.AF_INET:
            return real_send(self, data, *flags)
        content = bytes(data)
        half = content[: max(1, len(content) // 2)]
        return int(
            wrapped.call(
                "send",
                str(self.fileno()),
                content,
                lambda: real_send(self, data, *flags),
                lambda: real_send(self, half),
            )
        )

    def connect(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_INET:
            return real_connect(self, address)
        wrapped.call("connect", str(self.fileno()), b"", lambda: real_connect(self, address), _nothing)
        return None

    socket.socket.send = send  # type: ignore[method-assign, assignment]
    socket.socket.connect = connect  # type: ignore[method-assign, assignment]


def _texts(kind: str, data: bytes) -> list[str]:
    """Bodies of acting requests: those of the send records in written lines, or the one in a sent HTTP request."""
    if kind == "write" and _SEND_LINE in data:
        lines = [line for line in data.splitlines() if _SEND_LINE in line]
        return [text for line in lines if (text := _decode(line).get("text"))]
    if kind == "send":
        head, _, body = data.rpartition(b"\r\n\r\n")
        if body.startswith(b'{"category"') and (not head or head.startswith(b"POST /v5/")):
            return [body.decode()]
    return []


def _decode(line: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) and found.get("kind") == "send" else {}


def read_calls(path: Path) -> list[Call]:
    """The calls of a process, dead or alive."""
    decoder = msgspec.json.Decoder(Call)
    return [decoder.decode(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def sent_too_early(calls: list[Call]) -> list[str]:
    """Requests that left before the file that holds their record was synced."""
    holding: dict[str, set[str]] = {}
    durable: set[str] = set()
    early: list[str] = []
    for call in calls:
        if call.kind == "write":
            holding.setdefault(call.file, set()).update(call.texts)
        elif call.kind == "synced":
            durable |= holding.pop(call.file, set())
        elif call.kind == "send":
            early += [text for text in call.texts if text not in durable]
    return early
