"""A trace: what an engine made of a scenario, order by order, in words that both share."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from daemon.core.units import ZERO


class What(StrEnum):
    """What happened to an order. REFUSED: an amendment or a cancel was. RESIZED: the venue changed its quantity."""

    NEW = "new"
    UNTRIGGERED = "untriggered"
    TRIGGERED = "triggered"
    FILL = "fill"
    AMENDED = "amended"
    RESIZED = "resized"
    REFUSED = "refused"
    END = "end"


class Step(Struct, frozen=True):
    """One thing that happened to an order. at: place in the scenario of what caused it.

    price, qty, fee, maker: of a fill, USDT, base units, USDT; of an amendment price and total quantity.
    word: how the engine says it, such as "Cancelled EC_NoImmediateQtyToFill".
    """

    at: int
    what: What
    price: Decimal = ZERO
    qty: Decimal = ZERO
    maker: bool = False
    fee: Decimal = ZERO
    word: str = ""


class Trace(Struct, frozen=True):
    """Steps by order id, in their order; all fills with their order ids, in the order of the engine.

    position: signed, base units.  cash: USDT, less what it began with.
    """

    steps: dict[str, list[Step]]
    fills: list[tuple[str, Step]]
    position: Decimal
    cash: Decimal
