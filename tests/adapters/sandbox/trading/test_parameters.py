from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sandbox.refused import Refused
from adapters.sandbox.trading.parameters import Parameters

D = Decimal


@given(st.decimals(min_value=0, max_value=D("1e12"), allow_nan=False, places=8))
def test_plain_decimal_text_is_read_exactly(value: Decimal) -> None:
    assert Parameters({"qty": f"{value:f}"}).number("qty") == value


@pytest.mark.parametrize(
    "value", ["1e3", "+1", "-1", "1.", ".5", "0x1", "1,000", "NaN", "Infinity", " 1", "\u0661", 1, 1.5, True]
)
def test_what_is_no_plain_decimal_text_is_refused(value: object) -> None:
    with pytest.raises(Refused, match="10001"):
        Parameters({"qty": value}).number("qty")


def test_a_sign_is_for_amounts_that_may_have_one() -> None:
    assert Parameters({"margin": "-1.5"}).number("margin", signed=True) == D("-1.5")


def test_missing_null_and_empty_are_the_same() -> None:
    for fields in ({}, {"a": None}, {"a": ""}):
        parameters = Parameters(fields)
        assert parameters.text("a", "x") == "x"
        assert parameters.number("a") is None
        assert parameters.integer("a", 7, 0, 9) == 7
        assert parameters.choice("a", ("b",), "c") == "c"


def test_a_price_of_zero_is_no_price() -> None:
    assert Parameters({"a": "0.00"}).positive("a") is None
    assert Parameters({"a": "0.00"}).number("a") == 0


@pytest.mark.parametrize(
    "read",
    [
        lambda p: p.required("none"),
        lambda p: p.needed_number("none"),
        lambda p: p.choice("word", ("x", "y")),
        lambda p: p.choice("none", ("x", "y")),
        lambda p: p.text("number"),
        lambda p: p.integer("word", 0, 0, 9),
        lambda p: p.integer("number", 0, 0, 9),
        lambda p: p.integer("true", 0, 0, 9),
        lambda p: p.integer("float", 0, 0, 9),
        lambda p: p.flag("word"),
        lambda p: p.category(),
    ],
)
def test_wrong_types_and_values_are_refused(read: Callable[[Parameters], object]) -> None:
    with pytest.raises(Refused) as refused:
        read(Parameters({"word": "z", "number": 10, "true": True, "float": 1.0}))
    assert refused.value.code == 10001


@given(st.text(min_size=1, max_size=50))
def test_order_link_ids_are_of_36_harmless_characters(text: str) -> None:
    good = len(text) <= 36 and all(c.isascii() and (c.isalnum() or c in "-_") for c in text)
    try:
        assert Parameters({"orderLinkId": text}).link_id() == text
    except Refused:
        assert not good
    else:
        assert good
