from __future__ import annotations

import pytest

from adapters.bybit.hosts import custom_environment
from adapters.sandbox.server import serve
from adapters.sandbox.settings import SandboxSettings
from adapters.sandbox.synthetic_market import demo_market
from daemon.app.venue import time_to_go_on
from daemon.config import Config, VenueSettings
from daemon.core.units import NS_PER_MS


@pytest.mark.process
async def test_a_run_by_the_venues_clock_goes_on_at_the_venues_time_and_never_before_its_last_input() -> None:
    market = demo_market(["BTCUSDT"], minutes=5)
    server = await serve(market, SandboxSettings(start="first_subscription"))
    try:
        host = custom_environment("custom", rest=server.url_rest, public_linear=server.url_ws, private=server.url_ws)
        venue = VenueSettings(environment="custom", clock="venue", rest_url=server.url_rest, public_url=server.url_ws)
        config = Config(venue=venue)
        now = market.start_ms * NS_PER_MS
        assert await time_to_go_on(config, host, 0) == now
        assert await time_to_go_on(config, host, now - NS_PER_MS) == now
        assert await time_to_go_on(config, host, now + NS_PER_MS) == now + NS_PER_MS
    finally:
        await server.close()
