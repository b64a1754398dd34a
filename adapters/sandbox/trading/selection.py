"""Selection: which symbols and which kinds of orders a request is about.

Source: Bybit v5 docs, "Cancel All Orders" (symbol goes before baseCoin, that before settleCoin), "Get Open & Closed
Orders". All contracts here settle in USDT; another coin selects nothing.
"""

from __future__ import annotations

from collections.abc import Collection

from adapters.sandbox.trading.account import VenueAccount
from adapters.sandbox.trading.codes import bad
from adapters.sandbox.trading.order_record import OrderRecord
from adapters.sandbox.trading.parameters import LINEAR, Parameters
from daemon.core.records import OrderStatus, StopOrderType

SETTLE_COIN = "USDT"


def linear_symbol(account: VenueAccount, parameters: Parameters) -> str:
    """The symbol of a request that acts; other products than linear have none here."""
    category, symbol = parameters.category(), parameters.required("symbol")
    if category != LINEAR or symbol not in account.listings:
        raise bad("symbol", symbol)
    return symbol


def symbols_of(account: VenueAccount, parameters: Parameters, *, needed: bool = False) -> Collection[str] | None:
    """The symbols that a request selects, None for all of them; needed: whether it has to select by something."""
    if parameters.category() != LINEAR:
        return ()
    symbol, base = parameters.text("symbol"), parameters.text("baseCoin")
    if symbol:
        if symbol not in account.listings:
            raise bad("symbol", symbol)
        return (symbol,)
    if base:
        return [name for name, listing in account.listings.items() if listing.base_coin == base]
    settle = parameters.text("settleCoin")
    if needed and not settle:
        raise bad("symbol, baseCoin or settleCoin is required:")
    return None if settle in ("", SETTLE_COIN) else ()


def is_of_symbols(record: OrderRecord, symbols: Collection[str] | None) -> bool:
    """Whether an order is on one of the symbols."""
    return symbols is None or record.request.symbol in symbols


def is_of_filter(record: OrderRecord, wanted: str, *, only_stops: bool = False) -> bool:
    """Whether an order is of the kind that orderFilter names; only_stops: of the waiting ones, no protections."""
    waits = record.status is OrderStatus.UNTRIGGERED
    if wanted == "StopOrder":
        return waits and (not only_stops or record.request.stop_order_type is StopOrderType.STOP)
    if wanted == "tpslOrder":
        return waits and record.request.stop_order_type is not StopOrderType.STOP
    return not waits if wanted in ("Order", "OpenOrder") else True
