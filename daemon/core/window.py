"""The last marks that a strategy was evaluated on."""

from __future__ import annotations

from array import array
from binascii import crc32
from collections.abc import Sequence
from typing import overload


class PriceWindow(Sequence[float]):
    """The last `size` prices, oldest first. Appending costs O(1) on average; strategies only read it."""

    __slots__ = ("_values", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._values = array("d")

    def append(self, price: float) -> None:
        """Add the newest price and forget what left the window."""
        values = self._values
        values.append(price)
        if len(values) >= 64 + 2 * self.size:
            del values[: -self.size]

    def digest(self) -> str:
        """CRC-32 of the prices as little-endian float64, oldest first: 8 hexadecimal digits."""
        return f"{crc32(self._values[-self.size :]):08x}"

    def __len__(self) -> int:
        return min(len(self._values), self.size)

    @overload
    def __getitem__(self, index: int) -> float: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[float]: ...

    def __getitem__(self, index: int | slice) -> float | Sequence[float]:
        if isinstance(index, slice):
            return self._values[-self.size :][index]
        length = len(self)
        if not -length <= index < length:
            raise IndexError(index)
        return self._values[index - length if index >= 0 else index]
