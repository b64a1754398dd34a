"""Codes: Bybit's retCodes with its words, and the simulated exchange's refusals turned into them.

Source: Bybit v5 docs, "Error Codes", and messages seen in answers of the real exchange. Where its words are not known,
those of the simulated exchange stand.
"""

from __future__ import annotations

from adapters.sandbox.refused import Refused

BAD_PARAMETER = 10001
UNKNOWN_ROUTE = 10017
ORDER_UNKNOWN = 110001
DUPLICATE_LINK_ID = 110072
POSITION_MODE_HAS_ORDERS = 110028
MARGIN_MODE_FAILED = 3400045
TRANSFER_TOO_LARGE = 131212

WORDS = {
    110001: "order not exists or too late to cancel",
    110007: "ab not enough for new order",
    110024: "You have an existing position, so position mode cannot be switched",
    110025: "Position mode is not modified",
    110026: "Cross/isolated margin mode is not modified",
    110028: "You have existing open orders, so position mode cannot be switched",
    110033: "Can't set margin without an open position",
    110043: "leverage not modified",
    110072: "OrderLinkedID is duplicate",
    110074: "This contract is not live",
    34040: "not modified",
}


def parted(reason: str) -> tuple[int, str]:
    """Code and words of a refusal "CODE: words"; server error for one without a code."""
    code, _, words = reason.partition(": ")
    if not code.isdigit():
        return 10016, reason
    return int(code), WORDS.get(int(code), words)


def refused_of(reason: str) -> Refused:
    """The refusal to raise for "CODE: words"."""
    return Refused(*parted(reason))


def bad(name: str, value: object = None) -> Refused:
    """A parameter that is missing or cannot be meant."""
    return Refused(BAD_PARAMETER, f"params error: {name} invalid" + ("" if value is None else f" {value}"))
