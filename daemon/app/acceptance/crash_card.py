"""The card that kills `lockstep trade` while an order of it is open, and starts it again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from daemon.app.acceptance.card import Notes, Spec
from daemon.app.acceptance.desk import Desk
from daemon.config import Config
from daemon.control import ask_status
from daemon.core.account_events import OrderSeen
from daemon.core.errors import ControlFailed
from daemon.core.remote.link_ids import is_ours

STARTING_S = 60.0
ENDING_S = 30.0
POLL_S = 0.2
STRATEGY = Path(__file__).with_name("resting.py")


class Child(Struct, frozen=True, kw_only=True):
    """What is needed to trade in a process of its own.

    config: of this run.  folder: where its configuration and its runs go.  free: gives the account free for it, `take`
    takes it back.
    """

    config: Config
    folder: Path
    free: Callable[[], None]
    take: Callable[[], None]


def crash_card(child: Child) -> Spec:
    """The card for one configuration."""

    async def play(desk: Desk, notes: Notes) -> None:
        qty = desk.quantity((await desk.prices()).bid * Decimal("0.9"))
        child.free()
        try:
            await _play(_Daemon(desk, child, qty), desk, notes)
        finally:
            child.take()

    return Spec(
        name="killed",
        title="A trading daemon, killed with an open order",
        does="starts lockstep trade with one resting order, kills it, starts it again, ends it with SIGTERM",
        expects="the order outlives the kill, is known again after the restart, never doubled, cancelled at the end",
        play=play,
    )


class _Daemon:
    """`lockstep trade` as a child process."""

    def __init__(self, desk: Desk, child: Child, qty: Decimal) -> None:
        self._desk = desk
        self._config = child.folder / "killed.json"
        self._logs = child.folder / "killed"
        self._config.write_bytes(msgspec.json.format(msgspec.json.encode(_document(desk, child.config, qty)), indent=2))
        self._config.chmod(0o600)

    async def start(self) -> Process:
        account = self._desk.grounds.account.upper()
        key = self._desk.credentials
        secrets = {f"LOCKSTEP_{account}_KEY": key.key, f"LOCKSTEP_{account}_SECRET": key.secret.reveal()}
        command = (sys.executable, "-m", "daemon.cli", "trade", str(self._config), "--logs", str(self._logs), "--json")
        return await asyncio.create_subprocess_exec(
            *command, stdout=DEVNULL, stderr=PIPE, env={**os.environ, **secrets}
        )

    async def is_ready(self) -> bool:
        """Whether it has reconciled its account and knows of exactly one open order."""
        runs = sorted(self._logs.glob("trade-*"))
        if not runs:
            return False
        try:
            status = await asyncio.to_thread(ask_status, runs[-1])
        except ControlFailed:
            return False
        remote = status.lanes[0].remote
        return remote is not None and remote.ready and remote.open_orders == 1


async def _play(daemon: _Daemon, desk: Desk, notes: Notes) -> None:
    process = await daemon.start()
    try:
        first = await _its_order(desk, notes, process)
        if first is None:
            return
        os.kill(process.pid, signal.SIGKILL)
        await process.communicate()
        notes.see("killed with SIGKILL while its order was open")
        after = await desk.open_orders()
        notes.expect([row.link_id for row in after] == [first.link_id], f"{len(after)} orders are open after the kill")
        began = desk.monotonic()
        process = await daemon.start()
        ready = await _until(daemon.is_ready, STARTING_S, process)
        notes.see("started again until ready with one open order", ms=desk.ms_between(began, desk.monotonic()))
        if not notes.expect(ready, "it did not become ready with exactly one open order"):
            return
        after = await desk.open_orders()
        notes.expect(
            [row.link_id for row in after] == [first.link_id], f"{len(after)} orders are open after the restart"
        )
        await _end(desk, notes, process)
    finally:
        await _stop(notes, process)


async def _its_order(desk: Desk, notes: Notes, process: Process) -> OrderSeen | None:
    """The order that the daemon places first."""
    found: list[OrderSeen] = []

    async def open_now() -> bool:
        found[:] = [row for row in await desk.open_orders() if is_ours(row.link_id)]
        return bool(found)

    began = desk.monotonic()
    if notes.expect(await _until(open_now, STARTING_S, process), "it placed no order in time"):
        notes.see("its order is open at the venue", ms=desk.ms_between(began, desk.monotonic()))
        return found[0]
    return None


async def _end(desk: Desk, notes: Notes, process: Process) -> None:
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(ENDING_S):
        await process.communicate()
    notes.see("ended with SIGTERM", exit_code=process.returncode)
    notes.expect(process.returncode == 0, f"it ended with exit code {process.returncode}")
    left = await desk.open_orders()
    notes.expect(not left, f"{len(left)} orders are left although on_stop is cancel")


async def _stop(notes: Notes, process: Process) -> None:
    """Whatever happened, no child is left; what it said last is kept if it died by itself."""
    if process.returncode is None:
        process.kill()
        await process.communicate()
    elif process.returncode > 0 and process.stderr is not None:
        said = (await process.stderr.read()).decode("utf-8", "replace")
        notes.see("it said", error=said.partition("error: ")[2][:400] or said[-400:] or "nothing")


async def _until(holds: Callable[[], Awaitable[bool]], seconds: float, process: Process) -> bool:
    """Ask again and again while the process lives."""
    try:
        async with asyncio.timeout(seconds):
            while not await holds():
                if process.returncode is not None:
                    return False
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        return False
    return True


def _document(desk: Desk, config: Config, qty: Decimal) -> dict[str, Any]:
    """The configuration with one lane, one strategy and one symbol."""
    account = desk.grounds.account
    settings = _given(msgspec.to_builtins(config.accounts[account]))
    settings.pop("secrets", None)
    settings["orders"] |= {"on_stop": "cancel"}
    strategy = {
        "name": "resting",
        "use": f"{STRATEGY}:RestingOrder",
        "settings": {"qty": float(qty)},
    }
    return {
        "venue": _given(msgspec.to_builtins(config.venue)),
        "feed": {"symbols": [desk.symbol], "timer_ms": 1000},
        "storage": {"min_free_mb": config.storage.min_free_mb},
        "accounts": {account: settings},
        "lanes": [{"name": "killed", "account": account, "strategies": [strategy]}],
    }


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    """Without what is not set."""
    return {key: value for key, value in fields.items() if value is not None}
