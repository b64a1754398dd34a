"""Query routes: open and closed orders, and executions.

Source: Bybit v5 docs, "Get Open & Closed Orders", "Get Order History", "Get Trade History". Categories other than
linear exist and list nothing.

Assumptions:
- order/realtime with an id finds open orders and the closed ones that it still knows.
- The conditions of order/history all count together, also with an id.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from adapters.sandbox.trading.account import VenueAccount
from adapters.sandbox.trading.execution_record import ExecutionRecord, execution_item
from adapters.sandbox.trading.order_record import OrderRecord, order_item
from adapters.sandbox.trading.paging import page, window
from adapters.sandbox.trading.parameters import LINEAR, Parameters
from adapters.sandbox.trading.selection import is_of_filter, is_of_symbols, symbols_of
from adapters.sandbox.trading.spec import Answer
from daemon.core.records import StopOrderType

FILTERS = ("Order", "StopOrder", "tpslOrder", "OpenOrder")


def realtime(account: VenueAccount, parameters: Parameters, _now_ms: int) -> Answer:
    """GET /v5/order/realtime."""
    category = parameters.category()
    order_id, link_id = parameters.text("orderId"), parameters.text("orderLinkId")
    symbols = symbols_of(account, parameters, needed=category == LINEAR and not (order_id or link_id))
    store = account.orders
    found: Iterable[OrderRecord]
    if order_id or link_id:
        found = store.known_lately(order_id, link_id)
    else:
        closed = parameters.integer("openOnly", 0, 0, 2)
        found = store.closed_lately() if closed else store.open_orders()
    return _orders(account, parameters, found, _condition(parameters, symbols))


def history(account: VenueAccount, parameters: Parameters, now_ms: int) -> Answer:
    """GET /v5/order/history."""
    start, end = window(parameters, now_ms)
    status = parameters.text("orderStatus")
    selected = _condition(parameters, symbols_of(account, parameters))
    found = account.orders.history(now_ms, parameters.text("orderId"), parameters.text("orderLinkId"))

    def fits(record: OrderRecord) -> bool:
        return start <= record.created_ms <= end and status in ("", record.status.value) and selected(record)

    return _orders(account, parameters, found, fits)


def executions(account: VenueAccount, parameters: Parameters, now_ms: int) -> Answer:
    """GET /v5/execution/list."""
    found = _executions_wanted(account, parameters, now_ms)
    rows, cursor = page(found, parameters, serial=lambda record: record.serial, default=50, most=100)
    items = [execution_item(record, account.listings[record.symbol]) for record in rows]
    return Answer({"category": parameters.category(), "list": items, "nextPageCursor": cursor})


def _executions_wanted(account: VenueAccount, parameters: Parameters, now_ms: int) -> Iterator[ExecutionRecord]:
    """The executions that a request selects, newest first."""
    symbols = symbols_of(account, parameters)
    order_id, link_id = parameters.text("orderId"), parameters.text("orderLinkId")
    if symbols == ():
        return iter(())
    if order_id or link_id:
        return reversed(account.executions_of(order_id, link_id))
    start, end = window(parameters, now_ms)
    kind = parameters.text("execType")
    return (
        record
        for record in reversed(account.executions)
        if start <= record.time_ms <= end
        and kind in ("", record.exec_type)
        and (symbols is None or record.symbol in symbols)
    )


def _condition(parameters: Parameters, symbols: Collection[str] | None) -> Callable[[OrderRecord], bool]:
    wanted = parameters.choice("orderFilter", FILTERS, "all")
    return lambda record: is_of_symbols(record, symbols) and _was_of_filter(record, wanted)


def _was_of_filter(record: OrderRecord, wanted: str) -> bool:
    """A closed order is of the kind that it was when it came."""
    if not record.is_closed:
        return is_of_filter(record, wanted)
    kind = record.request.stop_order_type
    if wanted == "StopOrder":
        return kind is not StopOrderType.NONE
    if wanted == "tpslOrder":
        return kind not in (StopOrderType.NONE, StopOrderType.STOP)
    return kind is StopOrderType.NONE if wanted in ("Order", "OpenOrder") else True


def _orders(
    account: VenueAccount,
    parameters: Parameters,
    found: Iterable[OrderRecord],
    fits: Callable[[OrderRecord], bool],
) -> Answer:
    wanted = (record for record in found if fits(record))
    rows, cursor = page(wanted, parameters, serial=lambda record: record.serial, default=20, most=50)
    items = [order_item(record, account.listings[record.request.symbol]) for record in rows]
    return Answer({"list": items, "nextPageCursor": cursor, "category": parameters.category()})
