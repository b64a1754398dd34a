"""Position routes: list, leverage, position mode, trading stop, margin, closed PnL.

Source: Bybit v5 docs, "Position". Changes are made by `adapters.simulated.account_settings`, with its codes.

Known limits:
- Leverage is the same for both directions, in hedge mode too; different ones are refused with 10001.
- The position mode is the whole account's, whichever symbol or coin is named.
- set-auto-add-margin is remembered and shown, but adds no margin.
"""

from __future__ import annotations

from adapters.sandbox.refused import Refused
from adapters.sandbox.trading.account import VenueAccount
from adapters.sandbox.trading.closed_pnl import closed_pnl_item
from adapters.sandbox.trading.codes import BAD_PARAMETER, POSITION_MODE_HAS_ORDERS, WORDS, bad, refused_of
from adapters.sandbox.trading.order_params import trading_stop_of
from adapters.sandbox.trading.paging import page, window
from adapters.sandbox.trading.parameters import LINEAR, Parameters
from adapters.sandbox.trading.selection import linear_symbol, symbols_of
from adapters.sandbox.trading.spec import Answer
from adapters.simulated.account_settings import add_margin, set_leverage, switch_position_mode
from adapters.simulated.leg import leg_key
from daemon.core.orders import PositionIdx

ONE_WAY, HEDGE = 0, 3


def positions(account: VenueAccount, parameters: Parameters, _now_ms: int) -> Answer:
    """GET /v5/position/list: with a symbol its positions, flat ones too, with a coin those that are held."""
    category = parameters.category()
    symbols = symbols_of(account, parameters, needed=category == LINEAR)
    flat_too = bool(parameters.text("symbol"))
    found = [item for symbol in (account.listings if symbols is None else symbols)
             for item in account.position_items(symbol) if flat_too or item["side"]]  # fmt: skip
    numbered = list(enumerate(reversed(found)))[::-1]
    rows, cursor = page(numbered, parameters, serial=lambda row: row[0], default=20, most=200)
    return Answer({"category": category, "list": [item for _, item in rows], "nextPageCursor": cursor})


def change_leverage(account: VenueAccount, parameters: Parameters, now_ms: int) -> Answer:
    """POST /v5/position/set-leverage."""
    symbol = linear_symbol(account, parameters)
    buy, sell = parameters.needed_number("buyLeverage"), parameters.needed_number("sellLeverage")
    if buy != sell:
        raise Refused(BAD_PARAMETER, "buyLeverage and sellLeverage must be equal")
    _demand(set_leverage(account.account, account.markets[symbol], buy))
    account.settings_changed(now_ms, symbol)
    return Answer({})


def switch_mode(account: VenueAccount, parameters: Parameters, now_ms: int) -> Answer:
    """POST /v5/position/switch-mode: 0 one-way, 3 hedge."""
    if parameters.category() != LINEAR or not (parameters.text("symbol") or parameters.text("coin")):
        raise bad("symbol or coin is required:")
    mode = parameters.integer("mode", -1, ONE_WAY, HEDGE)
    if mode not in (ONE_WAY, HEDGE):
        raise bad("mode", mode)
    hedge = mode == HEDGE
    if hedge is not account.account.hedge and account.exchange.open_orders() and not account.account.legs():
        raise Refused(POSITION_MODE_HAS_ORDERS, WORDS[POSITION_MODE_HAS_ORDERS])
    _demand(switch_position_mode(account.account, hedge=hedge))
    account.updated_ms = now_ms
    account.settings_changed(now_ms)
    return Answer({})


def trading_stop(account: VenueAccount, parameters: Parameters, now_ms: int) -> Answer:
    """POST /v5/position/trading-stop."""
    stop = trading_stop_of(parameters, linear_symbol(account, parameters))
    _demand_leg(account, stop.position_idx)
    account.protect(stop, now_ms)
    return Answer({})


def change_margin(account: VenueAccount, parameters: Parameters, now_ms: int) -> Answer:
    """POST /v5/position/add-margin: above zero adds, below zero takes; answers the position."""
    symbol, idx = _position(account, parameters)
    amount = parameters.needed_number("margin", signed=True)
    leg = account.account.leg(symbol, idx, account.markets[symbol])
    _demand(add_margin(account.account, leg, amount))
    account.settings_changed(now_ms, symbol)
    return Answer({"category": LINEAR, **account.position_of(symbol, idx)})


def auto_add_margin(account: VenueAccount, parameters: Parameters, _now_ms: int) -> Answer:
    """POST /v5/position/set-auto-add-margin."""
    symbol, idx = _position(account, parameters)
    wanted = parameters.integer("autoAddMargin", -1, 0, 1)
    if wanted < 0:
        raise bad("autoAddMargin")
    if not account.account.isolated:
        raise Refused(110076, "Only available in isolated mode")
    key = leg_key(symbol, idx)
    if wanted:
        account.auto_add.add(key)
    else:
        account.auto_add.discard(key)
    return Answer({})


def closed_pnl(account: VenueAccount, parameters: Parameters, now_ms: int) -> Answer:
    """GET /v5/position/closed-pnl."""
    category = parameters.category()
    symbols, (start, end) = symbols_of(account, parameters), window(parameters, now_ms)
    found = (
        row
        for row in reversed(account.books.closed)
        if start <= row.updated_ms <= end and (symbols is None or row.symbol in symbols)
    )
    rows, cursor = page(found, parameters, serial=lambda row: row.serial, default=50, most=100)
    items = [closed_pnl_item(row, account.listings[row.symbol]) for row in rows]
    return Answer({"category": category, "list": items, "nextPageCursor": cursor})


def _position(account: VenueAccount, parameters: Parameters) -> tuple[str, PositionIdx]:
    symbol = linear_symbol(account, parameters)
    idx = PositionIdx(parameters.integer("positionIdx", 0, 0, 2))
    _demand_leg(account, idx)
    return symbol, idx


def _demand_leg(account: VenueAccount, idx: PositionIdx) -> None:
    if idx not in account.legs():
        raise Refused(BAD_PARAMETER, "position idx not match position mode")


def _demand(refused: str | None) -> None:
    if refused is not None:
        raise refused_of(refused)
