"""Order routes: create, amend, cancel, one by one, in batches, and all at once.

Source: Bybit v5 docs, "Trade". An answer says that a request was taken; what became of it is pushed.

Assumptions:
- Refusals come in Bybit's order (see `adapters.simulated.constraints`), but an orderLinkId that was used before is
  refused right after what is wrong with the text of the request.
- With both ids given, orderId counts.
- A batch answers each item by itself; what is wrong with the batch as a whole is refused.

Known limits: cancel-all takes the oldest 500 orders; Bybit takes any.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from msgspec.structs import replace

from adapters.sandbox.refused import Refused
from adapters.sandbox.trading.account import VenueAccount
from adapters.sandbox.trading.codes import DUPLICATE_LINK_ID, ORDER_UNKNOWN, WORDS, bad
from adapters.sandbox.trading.order_params import amendment_of, order_request
from adapters.sandbox.trading.order_record import OrderRecord, order_item
from adapters.sandbox.trading.parameters import LINEAR, Parameters
from adapters.sandbox.trading.selection import is_of_filter, is_of_symbols, linear_symbol, symbols_of
from adapters.sandbox.trading.spec import Answer, Result
from daemon.core.orders import OrderRequest

BATCH_MAX = 20
CANCEL_ALL_MAX = 500


def create(account: VenueAccount, parameters: Parameters, now_ms: int) -> Answer:
    """POST /v5/order/create."""
    return Answer(_ids(_create(account, parameters, now_ms)))


def amend(account: VenueAccount, parameters: Parameters, now_ms: int) -> Answer:
    """POST /v5/order/amend."""
    return Answer(_ids(_amend(account, parameters, now_ms)))


def cancel(account: VenueAccount, parameters: Parameters, now_ms: int) -> Answer:
    """POST /v5/order/cancel."""
    return Answer(_ids(_cancel(account, parameters, now_ms)))


def cancel_all(account: VenueAccount, parameters: Parameters, now_ms: int) -> Answer:
    """POST /v5/order/cancel-all."""
    symbols = symbols_of(account, parameters, needed=True)
    wanted = parameters.choice("orderFilter", ("Order", "StopOrder", "OpenOrder"), "all")
    only_stops = parameters.text("stopOrderType") == "Stop"
    found = [
        record
        for record in reversed(list(account.orders.open_orders()))
        if is_of_symbols(record, symbols) and is_of_filter(record, wanted, only_stops=only_stops)
    ]
    done = []
    for record in found[:CANCEL_ALL_MAX]:
        if not record.is_closed:  # the cancel of its sibling may have ended it
            account.cancel(record, now_ms)
        done.append(_ids(record))
    return Answer({"list": done, "success": "1"})


def create_batch(account: VenueAccount, parameters: Parameters, now_ms: int) -> Answer:
    """POST /v5/order/create-batch."""
    return _batch(account, parameters, now_ms, _create, stamp=True)


def amend_batch(account: VenueAccount, parameters: Parameters, now_ms: int) -> Answer:
    """POST /v5/order/amend-batch."""
    return _batch(account, parameters, now_ms, _amend)


def cancel_batch(account: VenueAccount, parameters: Parameters, now_ms: int) -> Answer:
    """POST /v5/order/cancel-batch."""
    return _batch(account, parameters, now_ms, _cancel)


def _create(account: VenueAccount, parameters: Parameters, now_ms: int) -> OrderRecord:
    symbol = linear_symbol(account, parameters)
    request, link_id = order_request(parameters, symbol), parameters.link_id()
    if link_id and account.orders.is_used(link_id):
        raise Refused(DUPLICATE_LINK_ID, WORDS[DUPLICATE_LINK_ID])
    return account.submit(request if request.qty else _closing_all(account, request), link_id, now_ms)


def _amend(account: VenueAccount, parameters: Parameters, now_ms: int) -> OrderRecord:
    record = _named(account, parameters)
    shown = order_item(record, account.listings[record.request.symbol])
    account.amend(record, amendment_of(parameters, record.request.order_id, shown), now_ms)
    return record


def _cancel(account: VenueAccount, parameters: Parameters, now_ms: int) -> OrderRecord:
    record = _named(account, parameters)
    account.cancel(record, now_ms)
    return record


def _named(account: VenueAccount, parameters: Parameters) -> OrderRecord:
    """The open order that a request is about."""
    symbol = linear_symbol(account, parameters)
    order_id, link_id = parameters.text("orderId"), parameters.text("orderLinkId")
    if not order_id and not link_id:
        raise bad("orderId or orderLinkId is required:")
    record = account.orders.find(order_id, link_id)
    if record is None or record.is_closed or record.request.symbol != symbol:
        raise Refused(ORDER_UNKNOWN, WORDS[ORDER_UNKNOWN])
    return record


def _closing_all(account: VenueAccount, request: OrderRequest) -> OrderRequest:
    """An order of quantity zero that closes the position: with what is held, up to the largest market order."""
    held: Decimal = account.account.reducible(request.symbol, request.position_idx, request.side)
    if not held:
        raise Refused(110017, "current position is zero, cannot fix reduce-only order qty")
    return replace(request, qty=min(held, account.listings[request.symbol].instrument.max_market_qty))


def _batch(
    account: VenueAccount,
    parameters: Parameters,
    now_ms: int,
    act: Callable[[VenueAccount, Parameters, int], OrderRecord],
    *,
    stamp: bool = False,
) -> Answer:
    if parameters.category() != LINEAR:
        raise bad("category")
    items = parameters.fields.get("request")
    if not isinstance(items, list) or not 1 <= len(items) <= BATCH_MAX:
        raise bad(f"request must hold 1 to {BATCH_MAX} orders:")
    rows, codes = [], []
    for item in items:
        row, code = _one(account, item, now_ms, act)
        if stamp:
            row["createAt"] = str(now_ms) if code["code"] == 0 else ""
        rows.append(row)
        codes.append(code)
    return Answer({"list": rows}, {"list": codes})


def _one(
    account: VenueAccount, item: object, now_ms: int, act: Callable[[VenueAccount, Parameters, int], OrderRecord]
) -> tuple[Result, Result]:
    """(result, code) of one item of a batch."""
    fields = item if isinstance(item, dict) else {}
    parameters = Parameters({**fields, "category": LINEAR})
    try:
        record = act(account, parameters, now_ms)
    except Refused as refused:
        account.note_refusal("POST", "batch", fields, refused)
        ids = {name: str(fields.get(name) or "") for name in ("symbol", "orderId", "orderLinkId")}
        return {"category": LINEAR, **ids}, {"code": refused.code, "msg": refused.message}
    return {"category": LINEAR, "symbol": record.request.symbol, **_ids(record)}, {"code": 0, "msg": "OK"}


def _ids(record: OrderRecord) -> Result:
    return {"orderId": record.order_id, "orderLinkId": record.link_id}
