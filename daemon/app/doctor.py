"""`lockstep doctor`: is this machine fit, and can the venue be reached?"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from adapters.bybit.instruments import fetch_instruments, server_time
from daemon.app.fold import Progress
from daemon.app.identity import code_identity, dependency_versions, python_version
from daemon.app.lanes import Plan, build_pipeline
from daemon.app.venue import venue_environment
from daemon.clock import SystemClock
from daemon.config import load_config
from daemon.core.errors import LockstepError
from daemon.core.units import NS_PER_MS

PYTHON_MIN = (3, 11)
FREE_MIN_MB = 1024
FSYNC_MAX_MS = 50.0
OFFSET_MAX_MS = 1000.0


class Finding(Struct, frozen=True):
    """One thing examined: whether it is fine, what was found, and what to do if it is not."""

    name: str
    ok: bool
    found: str
    cure: str = ""


class Examination(Struct, frozen=True):
    """All findings, in the order examined."""

    findings: tuple[Finding, ...]


def examine(config: str, progress: Progress) -> Examination:
    """Examine the machine, and with a configuration file also the venue that it names."""
    checks: list[Callable[[], list[Finding]]] = [_python, _packages, _disk, _fsync, _code]
    if config:
        checks.append(lambda: _configured(Path(config)))
    findings: list[Finding] = []
    for done, check in enumerate(checks, start=1):
        findings += check()
        progress(done, len(checks))
    return Examination(tuple(findings))


def _python() -> list[Finding]:
    ok = sys.version_info[:2] >= PYTHON_MIN
    return [Finding("python", ok, python_version(), "use Python 3.11 or newer")]


def _packages() -> list[Finding]:
    found = dependency_versions()
    text = ", ".join(f"{name} {version}" for name, version in found.items()) or "none"
    return [Finding("packages", bool(found), text, "set up with `make setup`")]


def _disk() -> list[Finding]:
    free = shutil.disk_usage(Path.cwd()).free >> 20
    return [Finding("disk", free >= FREE_MIN_MB, f"{free} MB free here", f"free {FREE_MIN_MB} MB for runs")]


def _fsync() -> list[Finding]:
    clock = SystemClock()
    try:
        with tempfile.NamedTemporaryFile(dir=Path.cwd()) as file:
            file.write(b"x" * 4096)
            file.flush()
            started = clock.now()
            os.fsync(file.fileno())
            took_ms = (clock.now() - started) / NS_PER_MS
    except OSError as error:
        return [Finding("fsync", False, f"{Path.cwd()}: {error.strerror}", "go to a folder that you may write to")]
    return [Finding("fsync", took_ms <= FSYNC_MAX_MS, f"{took_ms:.2f} ms", "put storage.directory on a faster disk")]


def _code() -> list[Finding]:
    code = code_identity()
    state = " with changes" if code.dirty else ""
    return [Finding("code", True, f"{code.version}, commit {code.commit or 'unknown'}{state}")]


def _configured(path: Path) -> list[Finding]:
    try:
        plan = Plan(load_config(path), path.resolve().parent)
        build_pipeline(plan, None)
    except LockstepError as error:
        return [Finding("configuration", False, error.message, error.cure)]
    good = Finding("configuration", True, f"{len(plan.config.active_lanes)} active lanes")
    try:
        return [good, *asyncio.run(_venue(plan))]
    except LockstepError as error:
        return [good, Finding("venue", False, error.message, error.cure)]


async def _venue(plan: Plan) -> list[Finding]:
    host = venue_environment(plan.config)
    clock = SystemClock()
    asked = clock.now()
    theirs = await server_time(host.rest)
    answered = clock.now()
    offset_ms = (theirs - (asked + answered) // 2) / NS_PER_MS
    own_time = plan.config.venue.clock == "venue"
    instruments = await fetch_instruments(host.rest, plan.config.feed.symbols)
    return [
        Finding("venue", True, f"{host.rest} answers in {(answered - asked) / NS_PER_MS:.0f} ms"),
        Finding(
            "clock",
            own_time or abs(offset_ms) <= OFFSET_MAX_MS,
            f"{offset_ms:+.0f} ms between the venue's clock and ours",
            "synchronise the clock of this machine",
        ),
        Finding("instruments", True, ", ".join(instrument.symbol for instrument in instruments)),
    ]
