"""The daemon's end of the control socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import msgspec
from aiohttp import web

from daemon.control import socket_path
from daemon.control.messages import Given, Order, Refusal, Status
from daemon.core.errors import ControlFailed

BODY_MAX = 16 << 10
# Of the event loop, until a client that came before is one that a clean-up finds: a listener of CPython 3.11 that is
# closed between accepting a connection and attaching it leaves that connection open.
ACCEPTING_TURNS = 4
Give = Callable[[Order], Awaitable[Given]]


class ControlServer:
    """Serves the socket of a run.

    Args:
        run_dir: folder of the run; the caller holds its lock.
        lanes: names that a command may concern.
        give: hands a command to the engine; done when it is durable, cancelled when the run ends before.
        status: tells how the run stands.
    """

    def __init__(self, run_dir: Path, lanes: tuple[str, ...], *, give: Give, status: Callable[[], Status]) -> None:
        self._run_dir = run_dir
        self._lanes = lanes
        self._give = give
        self._status = status
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            ControlFailed: the folder of the run takes no sockets.
        """
        app = web.Application(client_max_size=BODY_MAX)
        app.router.add_post("/commands", self._commands)
        app.router.add_get("/status", self._tell)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            listener = socket_path.bind(self._run_dir)
        except OSError as error:
            await self._runner.cleanup()
            message = f"{self._run_dir}: no control socket can be made: {error.strerror}"
            raise ControlFailed(message, cure="put storage.directory on a local disk") from None
        await web.SockSite(self._runner, listener).start()

    async def close(self) -> None:
        """Stop listening, and take the socket away."""
        if self._runner is not None:
            for _ in range(ACCEPTING_TURNS):
                await asyncio.sleep(0)
            await self._runner.cleanup()
            with suppress(FileNotFoundError):
                (self._run_dir / socket_path.NAME).unlink()

    async def _commands(self, request: web.Request) -> web.Response:
        try:
            order = msgspec.json.decode(await request.read(), type=Order)
        except msgspec.DecodeError as error:
            return _refuse(f"not a command: {error}", "send name, reason, request, and lane if it is for one lane")
        if order.lane and order.lane not in self._lanes:
            return _refuse(f"there is no lane {order.lane!r}", f"name one of {', '.join(self._lanes)}, or none for all")
        return _answer(await self._give(order))

    async def _tell(self, _request: web.Request) -> web.Response:
        return _answer(self._status())


def _answer(value: Given | Status) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


def _refuse(error: str, cure: str) -> web.Response:
    return web.Response(status=400, body=msgspec.json.encode(Refusal(error, cure)), content_type="application/json")
