"""A sandbox in a thread of the test's own process, so that a test can give it faults and any market."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

from adapters.sandbox.gateway.truth import TruthLog
from adapters.sandbox.market import Market
from adapters.sandbox.server import serve
from adapters.sandbox.settings import SandboxSettings

PATIENCE_S = 30.0


@contextmanager
def sandbox_thread(market: Market, truth: TruthLog | None = None, **settings: Any) -> Iterator[dict[str, str]]:
    """Serve a market as fast as the client reads, from its first subscription on; yields the addresses.

    With `gateway=GatewaySettings(...)` accounts trade on it, and `truth` is what the test judges by.
    """
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="sandbox", daemon=True)
    thread.start()
    wanted: dict[str, Any] = {"speed": "max", "start": "first_subscription", "settle_ms": 20, "ack_delay_ms": 0}
    try:
        server = _wait(loop, serve(market, SandboxSettings(**(wanted | settings)), truth=truth))
        try:
            private = {"private_url": server.url_private} if server.gateway is not None else {}
            yield {"rest_url": server.url_rest, "public_url": server.url_ws, **private}
        finally:
            _wait(loop, server.close())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE_S)
        loop.close()


def _wait(loop: asyncio.AbstractEventLoop, work: Any) -> Any:
    return asyncio.run_coroutine_threadsafe(work, loop).result(PATIENCE_S)
