"""The operator's end of the control socket."""

from __future__ import annotations

import socket
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TypeVar

import msgspec

from daemon.control import socket_path
from daemon.control.messages import Given, Order, Refusal, Status
from daemon.core.errors import ControlFailed

TIMEOUT_S = 15.0
T = TypeVar("T")


def give_command(run_dir: Path, order: Order) -> Given:
    """Give a command to the daemon of a run; returns when it is durable.

    Raises:
        ControlFailed: no daemon runs it, or it does not answer. A command without an answer may have been taken;
            giving it again under the same request id is harmless.
    """
    return _ask(run_dir, "POST", "/commands", msgspec.json.encode(order), Given)


def ask_status(run_dir: Path) -> Status:
    """Ask the daemon of a run how it stands.

    Raises:
        ControlFailed: no daemon runs it, or it does not answer.
    """
    return _ask(run_dir, "GET", "/status", b"", Status)


def is_running(run_dir: Path) -> bool:
    """Whether a daemon listens for this run."""
    try:
        socket_path.connect(run_dir, TIMEOUT_S).close()
    except OSError:
        return False
    return True


class _Connection(HTTPConnection):
    """HTTP over the socket of a run."""

    def __init__(self, run_dir: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._run_dir = run_dir

    def connect(self) -> None:
        self.sock: socket.socket = socket_path.connect(self._run_dir, TIMEOUT_S)


def _ask(run_dir: Path, method: str, path: str, body: bytes, kind: type[T]) -> T:
    connection = _Connection(run_dir)
    try:
        connection.connect()
    except OSError:
        cure = (
            "start it with `lockstep shadow` or `lockstep trade`; `lockstep trade CONFIG --panic` flattens at its start"
        )
        raise ControlFailed(f"{run_dir}: no daemon is running this run", cure=cure) from None
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return _read(answer.status, answer.read(), kind)
    except (OSError, HTTPException, msgspec.DecodeError) as error:
        cure = "ask `lockstep status`, and give the command again if it is not in force"
        raise ControlFailed(f"{run_dir}: the daemon did not answer: {type(error).__name__}", cure=cure) from None
    finally:
        connection.close()


def _read(status: int, body: bytes, kind: type[T]) -> T:
    if status == 200:
        return msgspec.json.decode(body, type=kind)
    refusal = msgspec.json.decode(body, type=Refusal)
    raise ControlFailed(refusal.error, cure=refusal.cure)
