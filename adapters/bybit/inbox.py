"""Between the connections that receive and the one consumer: everything that waits is handed over at once."""

from __future__ import annotations

import asyncio

from daemon.ports import Received


class Inbox:
    """A bounded buffer with one hop per batch. Producers look at `full` and then wait for `room`; `put` never waits.

    Args:
        frames_max: how many entries may wait before it is full.
        bytes_max: how many bytes of frames may.
    """

    def __init__(self, frames_max: int, bytes_max: int) -> None:
        self.full = False
        self._frames_max = frames_max
        self._bytes_max = bytes_max
        self._bytes = 0
        self._items: list[Received] = []
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self._closed = False
        self._error: BaseException | None = None

    def put(self, item: Received) -> None:
        """Append; what comes after `close` is dropped."""
        if self._closed:
            return
        items = self._items
        if not items:
            self._filled.set()
        items.append(item)
        if item.frame is not None:
            self._bytes += len(item.frame)
        if len(items) >= self._frames_max or self._bytes >= self._bytes_max:
            self.full = True
            self._emptied.clear()

    async def room(self) -> None:
        """Wait until the consumer took what waited."""
        while self.full and not self._closed:
            await self._emptied.wait()

    async def take(self) -> list[Received]:
        """Everything that waits, at least one entry; nothing once closed and empty.

        Raises:
            BaseException: whatever `close` was told that a producer died of.
        """
        if not self._items and not self._closed:
            await self._filled.wait()
        self._filled.clear()
        batch, self._items = self._items, []
        self._bytes = 0
        self.full = False
        self._emptied.set()
        if not batch and self._error is not None:
            raise self._error
        return batch

    def close(self, error: BaseException | None = None) -> None:
        """No more will come; wakes everybody."""
        self._closed = True
        self._error = self._error or error
        self._filled.set()
        self._emptied.set()
