from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from adapters.sandbox.listings import LISTINGS
from adapters.sandbox.trading.texts import plain, price_text, qty_text, uuid_text

D = Decimal
BTC = LISTINGS["BTCUSDT"]


@given(st.decimals(min_value=D("-1e15"), max_value=D("1e15"), allow_nan=False))
def test_numbers_are_plain_and_keep_their_value(value: Decimal) -> None:
    text = plain(value)
    assert D(text) == value
    assert "E" not in text.upper()
    assert text != "-0"


def test_prices_and_quantities_have_the_decimals_of_the_grid() -> None:
    assert price_text(D("50000.1"), BTC) == "50000.10"
    assert price_text(D("50000.123"), BTC) == "50000.123"
    assert price_text(None, BTC, "0") == "0"
    assert qty_text(D("0.5"), BTC) == "0.500"
    assert qty_text(D("-0"), BTC) == "0.000"


def test_ids_look_like_uuids_and_are_a_function_of_their_parts() -> None:
    text = uuid_text("order", "1001", 1)
    assert str(UUID(text)) == text
    assert text == uuid_text("order", "1001", 1) != uuid_text("order", "1001", 2)
