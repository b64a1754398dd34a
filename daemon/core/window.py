"""The last marks that a strategy was evaluated on."""

from __future__ import annotations

from array import array
from binascii import crc32
from collections.abc import Sequence
from typing import overload


class PriceWindow(Sequence[float]):
    """The last `size` prices (0 keeps none), oldest first. Appending costs O(1) on average; strategies only read it."""

    __slots__ = ("_room", "_values", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._values = array("d")
        self._room = 2 * size + 64

    def append(self, price: float) -> None:
        """Add the newest price and forget what left the window."""
        self._values.append(price)
        self._room -= 1
        if not self._room:
            del self._values[: len(self._values) - self.size]
            self._room = self.size + 64

    def digest(self) -> str:
        """CRC-32 of the prices as little-endian float64, oldest first: 8 hexadecimal digits."""
        return "%08x" % crc32(self._values[-self.size or len(self._values) :])  # noqa: UP031 - half the cost of an f-string

    def __len__(self) -> int:
        length = len(self._values)
        return length if length < self.size else self.size

    @overload
    def __getitem__(self, index: int) -> float: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[float]: ...

    def __getitem__(self, index: int | slice) -> float | Sequence[float]:
        if isinstance(index, slice):
            return self._kept()[index]
        length = len(self)
        if not -length <= index < length:
            raise IndexError(index)
        return self._values[index - length if index >= 0 else index]

    def _kept(self) -> array[float]:
        return self._values[-self.size or len(self._values) :]
