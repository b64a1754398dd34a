from __future__ import annotations

import asyncio
from typing import cast

from aiohttp.web import WebSocketResponse

from adapters.sandbox.connection import Connection
from adapters.sandbox.player import Hub
from adapters.sandbox.protocol import Session


def joined(hub: Hub, *topics: str) -> Connection[Session]:
    """A connection of the hub that has subscribed to topics."""
    connection = Connection(cast("WebSocketResponse", None), None, Session("c", topics))
    connection.session.topics |= dict.fromkeys(topics)
    hub.connections[connection] = None
    hub.add(connection, topics)
    return connection


async def test_a_topic_is_wanted_as_long_as_one_connection_has_it() -> None:
    hub = Hub()
    first, second = joined(hub, "a", "b"), joined(hub, "a")
    assert list(hub.subscribers) == ["a", "b"]
    hub.leave(first)
    assert list(hub.subscribers) == ["a"]
    hub.leave(second)
    hub.leave(second)
    assert (hub.subscribers, hub.connections) == ({}, {})


async def test_a_connection_that_has_left_cannot_subscribe_any_more() -> None:
    hub = Hub()
    gone = joined(hub, "a")
    hub.leave(gone)
    hub.add(gone, ("b",))
    assert hub.subscribers == {}


async def test_the_hub_settles_only_while_somebody_is_subscribed() -> None:
    hub = Hub()
    hub.leave(joined(hub, "a"))
    settled = asyncio.create_task(hub.settled(0))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not settled.done()
    joined(hub, "b")
    await settled
    assert list(hub.subscribers) == ["b"]


async def test_another_subscription_restarts_the_settling() -> None:
    hub = Hub()
    joined(hub, "a")
    settled = asyncio.create_task(hub.settled(1))
    await asyncio.sleep(0)
    joined(hub, "b")
    await settled
    assert list(hub.subscribers) == ["a", "b"]
