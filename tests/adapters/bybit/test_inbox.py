from __future__ import annotations

import asyncio

import pytest

from adapters.bybit.inbox import Inbox
from daemon.ports import Received


def received(number: int, size: int = 1) -> Received:
    return Received(number, "public-1", frame=b"x" * size)


async def test_what_waits_is_taken_at_once_and_in_order() -> None:
    inbox = Inbox(100, 1000)
    for number in range(5):
        inbox.put(received(number))
    assert [item.ts_recv for item in await inbox.take()] == [0, 1, 2, 3, 4]


async def test_a_taker_waits_for_the_first_entry() -> None:
    inbox = Inbox(100, 1000)
    taker = asyncio.create_task(inbox.take())
    await asyncio.sleep(0)
    assert not taker.done()
    inbox.put(received(1))
    assert len(await taker) == 1


@pytest.mark.parametrize(("count", "size"), [(3, 1), (1, 50)])
async def test_it_is_full_by_count_or_bytes_until_taken(count: int, size: int) -> None:
    inbox = Inbox(3, 50)
    for number in range(count):
        assert not inbox.full
        inbox.put(received(number, size))
    assert inbox.full
    waiter = asyncio.create_task(inbox.room())
    await asyncio.sleep(0)
    assert not waiter.done()
    await inbox.take()
    await waiter
    inbox.put(received(9))
    assert not inbox.full


async def test_after_closing_what_waited_can_be_taken_and_then_nothing() -> None:
    inbox = Inbox(10, 100)
    inbox.put(received(1))
    inbox.close()
    inbox.put(received(2))
    assert len(await inbox.take()) == 1
    assert await inbox.take() == []


async def test_closing_wakes_taker_and_producers() -> None:
    inbox = Inbox(1, 100)
    inbox.put(received(1))
    producer = asyncio.create_task(inbox.room())
    await asyncio.sleep(0)
    inbox.close()
    await producer
    assert len(await inbox.take()) == 1


async def test_what_a_producer_died_of_reaches_the_taker() -> None:
    inbox = Inbox(10, 100)
    inbox.put(received(1))
    inbox.close(ValueError("a bug"))
    assert len(await inbox.take()) == 1
    with pytest.raises(ValueError, match="a bug"):
        await inbox.take()
