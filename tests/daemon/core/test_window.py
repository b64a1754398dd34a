from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.window import PriceWindow

PRICES = st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=400)


def filled(size: int, prices: list[float]) -> PriceWindow:
    window = PriceWindow(size)
    for price in prices:
        window.append(price)
    return window


@given(st.integers(0, 60), PRICES)
def test_it_holds_the_last_prices_oldest_first(size: int, prices: list[float]) -> None:
    expected = prices[-size:] if size else []
    window = filled(size, prices)
    assert len(window) == len(expected)
    assert list(window) == expected
    assert [window[-1 - place] for place in range(len(window))] == expected[::-1]


@given(st.integers(1, 60), PRICES, st.slices(60))
def test_slices_are_those_of_a_list(size: int, prices: list[float], part: slice) -> None:
    assert list(filled(size, prices)[part]) == prices[-size:][part]


@given(st.integers(0, 60), PRICES)
def test_the_digest_is_the_crc_of_the_packed_prices_after_each_append(size: int, prices: list[float]) -> None:
    window = PriceWindow(size)
    for count, price in enumerate(prices, 1):
        window.append(price)
        if count % 37 == 0 or count == len(prices):
            kept = prices[max(0, count - size) : count]
            assert window.digest() == f"{zlib.crc32(struct.pack(f'<{len(kept)}d', *kept)):08x}"


@pytest.mark.parametrize("index", [3, -4])
def test_an_index_beyond_what_was_seen_is_an_error_although_older_prices_are_kept(index: int) -> None:
    with pytest.raises(IndexError):
        filled(3, [1.0, 2.0, 3.0, 4.0, 5.0])[index]


@pytest.mark.parametrize("size", [0, 1, 7])
def test_memory_does_not_grow_with_the_number_of_prices(size: int) -> None:
    window = filled(size, [float(number) for number in range(10_000)])
    assert len(window._values) <= 3 * size + 128
