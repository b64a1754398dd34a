"""What a live run tells of itself on its control socket."""

from __future__ import annotations

from daemon.app.control import _open_order, silences
from daemon.core.orders import OrderState
from daemon.core.units import NS_PER_SECOND
from tests.adapters.bybit.test_dialect import limit

NOW = 1_746_532_800 * NS_PER_SECOND


def test_silence_is_told_in_seconds_of_those_who_ever_spoke() -> None:
    heard = {"market": NOW - 2_540_000_000, "private.demo": 0, "rest.demo": NOW + 1}
    assert silences(heard, NOW) == {"market": 2.5, "rest.demo": 0.0}


def test_an_open_order_is_told_as_it_was_asked_for() -> None:
    request = limit()
    told = _open_order(OrderState(request))
    assert (told.order_id, told.symbol, told.status) == (request.order_id, request.symbol, "Submitted")
    assert (told.type, told.price, told.trigger, told.filled) == ("Limit", f"{request.price:f}", "", "0")
