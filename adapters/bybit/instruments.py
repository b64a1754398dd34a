"""Instrument specifications and the venue's clock, over REST.

Source: Bybit v5 docs, "Get Instruments Info" and "Get Bybit Server Time". No keys are needed. What the venue leaves out
or empty is unknown (None) or has its default; what it says wrongly is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, TypeAlias
from urllib.parse import unquote

import aiohttp
from msgspec import Meta, Struct, field

from adapters.bybit.rest import INVALID_PARAMETER, ask, client_for, read_result
from adapters.bybit.risk_limits import fetch_tiers
from daemon.core.errors import FeedError
from daemon.core.events import Instrument, RiskTier
from daemon.log import get_logger

SYMBOLS_ONE_BY_ONE_MAX = 20
PAGES_MAX = 50

PATH = "/v5/market/instruments-info"
POSITIVE = r"(?=[0-9.]*[1-9])[0-9]{1,20}(\.[0-9]{1,20})?"
Positive: TypeAlias = Annotated[str, Meta(pattern=f"^{POSITIVE}$")]
MaybePositive: TypeAlias = Annotated[str, Meta(pattern=f"^({POSITIVE})?$")]
MaybeRate: TypeAlias = Annotated[str, Meta(pattern=r"^(-?[0-9](\.[0-9]{1,20})?)?$")]
log = get_logger("bybit")


class _LeverageFilter(Struct, frozen=True, rename="camel"):
    max_leverage: Positive
    min_leverage: MaybePositive = ""
    leverage_step: MaybePositive = ""


class _PriceFilter(Struct, frozen=True, rename="camel"):
    tick_size: Positive


class _LotSizeFilter(Struct, frozen=True, rename="camel"):
    qty_step: Positive
    min_order_qty: Positive
    max_order_qty: Positive
    max_mkt_order_qty: Positive | None = None
    min_notional_value: Positive = "5"


class _RiskParameters(Struct, frozen=True, rename="camel"):
    price_limit_ratio_x: MaybePositive = ""
    price_limit_ratio_y: MaybePositive = ""


class _Item(Struct, frozen=True, rename="camel"):
    symbol: str
    status: str
    contract_type: str
    settle_coin: str
    leverage_filter: _LeverageFilter
    price_filter: _PriceFilter
    lot_size_filter: _LotSizeFilter
    funding_interval: Annotated[int, Meta(ge=0)] = 480
    upper_funding_rate: MaybeRate = ""
    lower_funding_rate: MaybeRate = ""
    risk_parameters: _RiskParameters | None = None


class _Page(Struct, frozen=True, rename="camel"):
    items: list[_Item] = field(name="list", default_factory=list)
    next_page_cursor: str | None = None


class _Time(Struct, frozen=True, rename="camel"):
    time_nano: Annotated[str, Meta(pattern=r"^[0-9]{19}$")]


async def fetch_instruments(rest_url: str, symbols: Iterable[str]) -> list[Instrument]:
    """Fetch the specifications of linear perpetuals with their risk tiers, in the order asked for.

    A venue that does not know risk limits at all leaves `risk_tiers` empty, with a warning.

    Args:
        rest_url: base address, such as https://api.bybit.com.
        symbols: such as "BTCUSDT"; repeated ones are fetched once.

    Raises:
        FeedError: the venue cannot be reached, refuses, answers something else, or does not know a symbol.
    """
    wanted = list(dict.fromkeys(symbols))
    async with client_for(rest_url) as client:
        found = await _find(client, rest_url, wanted)
        missing = [symbol for symbol in wanted if symbol not in found]
        if missing:
            raise _unknown_symbols(missing, await _fetch_all(client, rest_url))
        return await _with_tiers(client, rest_url, [found[symbol] for symbol in wanted])


async def find_instruments(rest_url: str, symbols: Iterable[str]) -> dict[str, Instrument]:
    """The same without those symbols that the venue does not know (any more).

    Raises:
        FeedError: the venue cannot be reached, refuses, or answers something else.
    """
    wanted = list(dict.fromkeys(symbols))
    async with client_for(rest_url) as client:
        found = await _find(client, rest_url, wanted)
        known = [found[symbol] for symbol in wanted if symbol in found]
        return {one.symbol: one for one in await _with_tiers(client, rest_url, known)}


async def server_time(rest_url: str) -> int:
    """Fetch the venue's clock, nanoseconds UTC; half the round trip old when it arrives.

    Raises:
        FeedError: the venue cannot be reached, refuses, or answers something else.
    """
    async with client_for(rest_url) as client:
        where = f"{rest_url}/v5/market/time"
        answer = await ask(client, where, {})
    return int(read_result(answer, _Time, where).time_nano)


async def _find(client: aiohttp.ClientSession, rest_url: str, wanted: Sequence[str]) -> dict[str, _Item]:
    """What the venue says about the symbols, and perhaps about others."""
    if len(wanted) > SYMBOLS_ONE_BY_ONE_MAX:
        return await _fetch_all(client, rest_url)
    return {symbol: item for symbol in wanted for item in await _fetch_one(client, rest_url, symbol)}


async def _with_tiers(client: aiohttp.ClientSession, rest_url: str, items: Sequence[_Item]) -> list[Instrument]:
    tiers = await fetch_tiers(client, rest_url, [item.symbol for item in items])
    if tiers is None:
        log.warning("risk_limits_unknown", rest=rest_url, reason="the venue does not know /v5/market/risk-limit")
        tiers = {}
    return [_instrument(item, tiers.get(item.symbol, ())) for item in items]


async def _fetch_one(client: aiohttp.ClientSession, rest_url: str, symbol: str) -> list[_Item]:
    answer = await ask(client, rest_url + PATH, {"category": "linear", "symbol": symbol})
    if answer.ret_code == INVALID_PARAMETER:
        return []
    return [item for item in read_result(answer, _Page, rest_url + PATH).items if item.symbol == symbol]


async def _fetch_all(client: aiohttp.ClientSession, rest_url: str) -> dict[str, _Item]:
    found: dict[str, _Item] = {}
    query = {"category": "linear", "limit": "1000"}
    for _ in range(PAGES_MAX):
        page = read_result(await ask(client, rest_url + PATH, query), _Page, rest_url + PATH)
        found.update((item.symbol, item) for item in page.items)
        if not page.next_page_cursor:
            break
        query["cursor"] = unquote(page.next_page_cursor)
    return found


def _unknown_symbols(missing: Sequence[str], known: dict[str, _Item]) -> FeedError:
    hints = []
    for symbol in missing:
        near = get_close_matches(symbol.upper(), known, n=3, cutoff=0.6)
        hints.append(f"{symbol} (did you mean {', '.join(near)}?)" if near else symbol)
    return FeedError(
        f"Bybit has no linear instrument {', '.join(hints)}", cure="correct the symbol, as in BTCUSDT or 1000PEPEUSDT"
    )


def _instrument(item: _Item, tiers: tuple[RiskTier, ...]) -> Instrument:
    if (item.contract_type, item.settle_coin) != ("LinearPerpetual", "USDT"):
        raise FeedError(
            f"{item.symbol} is a {item.contract_type} settled in {item.settle_coin}",
            cure="choose a perpetual settled in USDT",
        )
    lot, leverage, risk = item.lot_size_filter, item.leverage_filter, item.risk_parameters or _RiskParameters()
    return Instrument(
        symbol=item.symbol,
        tick=Decimal(item.price_filter.tick_size),
        step=Decimal(lot.qty_step),
        min_qty=Decimal(lot.min_order_qty),
        max_qty=Decimal(lot.max_order_qty),
        max_market_qty=Decimal(lot.max_mkt_order_qty or lot.max_order_qty),
        min_notional=Decimal(lot.min_notional_value),
        max_leverage=Decimal(leverage.max_leverage),
        funding_interval_min=item.funding_interval,
        status=item.status,
        min_leverage=Decimal(leverage.min_leverage or "1"),
        leverage_step=Decimal(leverage.leverage_step or "0.01"),
        price_limit_ratio_x=_maybe(risk.price_limit_ratio_x),
        price_limit_ratio_y=_maybe(risk.price_limit_ratio_y),
        upper_funding_rate=_maybe(item.upper_funding_rate),
        lower_funding_rate=_maybe(item.lower_funding_rate),
        risk_tiers=tiers,
    )


def _maybe(text: str) -> Decimal | None:
    return Decimal(text) if text else None
