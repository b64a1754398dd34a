"""Account routes: wallet, info, margin mode, fees, transaction log, and what clients ask about coins.

Source: Bybit v5 docs, "Account", "Get Coin Info". The one coin here is USDT.
"""

from __future__ import annotations

from adapters.sandbox.refused import Refused
from adapters.sandbox.trading.account import VenueAccount
from adapters.sandbox.trading.codes import MARGIN_MODE_FAILED, bad, parted
from adapters.sandbox.trading.paging import DAY_MS, page, window
from adapters.sandbox.trading.parameters import CATEGORIES, LINEAR, Parameters
from adapters.sandbox.trading.selection import SETTLE_COIN, symbols_of
from adapters.sandbox.trading.spec import Answer, Result
from adapters.sandbox.trading.texts import plain
from adapters.sandbox.trading.transactions import transaction_item
from adapters.simulated.account_settings import set_margin_mode
from daemon.core.venue import MarginMode

MODES = {MarginMode.ISOLATED: "ISOLATED_MARGIN", MarginMode.CROSS: "REGULAR_MARGIN"}
PORTFOLIO = "PORTFOLIO_MARGIN"
UTA_2 = 5
UNCHANGED = 110026


def wallet_balance(account: VenueAccount, parameters: Parameters, _now_ms: int) -> Answer:
    """GET /v5/account/wallet-balance."""
    if parameters.text("accountType", "UNIFIED") != "UNIFIED":
        raise bad("accountType")
    wallet = account.wallet_item()
    coins = [coin for coin in parameters.text("coin").split(",") if coin]
    held = [] if coins and SETTLE_COIN not in coins else wallet["coin"]
    return Answer({"list": [{**wallet, "coin": held}]})


def info(account: VenueAccount, _parameters: Parameters, _now_ms: int) -> Answer:
    """GET /v5/account/info."""
    return Answer(
        {
            "marginMode": MODES[account.account.mode],
            "updatedTime": str(account.updated_ms),
            "unifiedMarginStatus": UTA_2,
            "dcpStatus": "OFF",
            "timeWindow": 10,
            "smpGroup": 0,
            "isMasterTrader": False,
            "spotHedgingStatus": "OFF",
        }
    )


def change_margin_mode(account: VenueAccount, parameters: Parameters, now_ms: int) -> Answer:
    """POST /v5/account/set-margin-mode."""
    asked = parameters.choice("setMarginMode", (*MODES.values(), PORTFOLIO))
    if asked == PORTFOLIO:
        raise _mode_failed("3400000", "portfolio margin is not offered by the sandbox")
    mode = next(mode for mode, word in MODES.items() if word == asked)
    refused = set_margin_mode(account.account, mode)
    if refused is not None:
        code, words = parted(refused)
        raise Refused(code, words) if code == UNCHANGED else _mode_failed(str(code), words)
    account.updated_ms = now_ms
    account.settings_changed(now_ms)
    return Answer({"reasons": []}, message="Request accepted")


def fee_rate(account: VenueAccount, parameters: Parameters, _now_ms: int) -> Answer:
    """GET /v5/account/fee-rate; the category is linear where it is missing, as ccxt leaves it out."""
    symbols = symbols_of(account, Parameters({"category": LINEAR, **parameters.fields}))
    fees = account.spec.exchange
    rows = [
        {"symbol": symbol, "takerFeeRate": plain(fees.taker_fee), "makerFeeRate": plain(fees.maker_fee)}
        for symbol in (account.listings if symbols is None else symbols)
    ]
    return Answer({"list": rows})


def transaction_log(account: VenueAccount, parameters: Parameters, now_ms: int) -> Answer:
    """GET /v5/account/transaction-log."""
    start, end = window(parameters, now_ms, DAY_MS)
    category = parameters.choice("category", CATEGORIES, "")
    currency, base, kind = parameters.text("currency"), parameters.text("baseCoin"), parameters.text("type")
    found = (
        row
        for row in reversed(account.books.transactions)
        if start <= row.time_ms <= end
        and currency in ("", SETTLE_COIN)
        and kind in ("", row.type)
        and (not category or (category == LINEAR and row.symbol))
        and (not base or (row.symbol and account.listings[row.symbol].base_coin == base))
    )
    rows, cursor = page(found, parameters, serial=lambda row: row.serial, default=20, most=50)
    items = [transaction_item(row, account.listings.get(row.symbol)) for row in rows]
    return Answer({"list": items, "nextPageCursor": cursor})


def collateral_info(_account: VenueAccount, parameters: Parameters, _now_ms: int) -> Answer:
    """GET /v5/account/collateral-info: USDT counts in full and cannot be borrowed."""
    row: Result = {
        "currency": SETTLE_COIN,
        "hourlyBorrowRate": "",
        "maxBorrowingAmount": "0",
        "freeBorrowingLimit": "0",
        "freeBorrowAmount": "0",
        "freeBorrowingAmount": "",
        "availableToBorrow": "0",
        "borrowAmount": "0",
        "borrowUsageRate": "0",
        "borrowable": False,
        "marginCollateral": True,
        "collateralSwitch": True,
        "collateralRatio": "1",
    }
    return Answer({"list": [row] if parameters.text("currency") in ("", SETTLE_COIN) else []})


def coin_info(_account: VenueAccount, parameters: Parameters, _now_ms: int) -> Answer:
    """GET /v5/asset/coin/query-info: USDT, without a way in or out."""
    chain: Result = {
        "chainType": "ERC20",
        "confirmation": "64",
        "withdrawFee": "1",
        "depositMin": "0",
        "withdrawMin": "0",
        "chain": "ETH",
        "chainDeposit": "0",
        "chainWithdraw": "0",
        "minAccuracy": "6",
        "withdrawPercentageFee": "0",
        "contractAddress": "",
    }
    row: Result = {"name": SETTLE_COIN, "coin": SETTLE_COIN, "remainAmount": "0", "chains": [chain]}
    return Answer({"rows": [row] if parameters.text("coin") in ("", SETTLE_COIN) else []})


def _mode_failed(code: str, words: str) -> Refused:
    return Refused(
        MARGIN_MODE_FAILED, "Set margin mode failed", {"reasons": [{"reasonCode": code, "reasonMsg": words}]}
    )
