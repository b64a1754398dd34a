"""Every scenario runs on every venue: add one to `VENUES`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

import pytest

from tests.conformance.sandbox import open_sandbox
from tests.conformance.scene import Scene, setup
from tests.conformance.simulated import open_simulated
from tests.conformance.venue import Setup, VenueUnderTest

OpenVenue = Callable[[Setup], AbstractAsyncContextManager[VenueUnderTest]]
OpenScene = Callable[..., Awaitable[Scene]]

VENUES: dict[str, OpenVenue] = {"simulated": open_simulated, "sandbox": open_sandbox}


@pytest.fixture(params=list(VENUES))
async def open_scene(request: pytest.FixtureRequest) -> AsyncIterator[OpenScene]:
    """Opens scenes; takes what `setup` takes."""
    open_venue = VENUES[request.param]
    async with AsyncExitStack() as stack:

        async def opened(**changes: Any) -> Scene:
            chosen = setup(**changes)
            scene = Scene(await stack.enter_async_context(open_venue(chosen)))
            await scene.begin([instrument.symbol for instrument in chosen.instruments])
            return scene

        yield opened


@pytest.fixture
async def scene(open_scene: OpenScene) -> Scene:
    """A scene with nothing special about it."""
    return await open_scene()
