"""Instrument specifications and the venue's clock, over REST.

Source: Bybit v5 docs, "Get Instruments Info" and "Get Bybit Server Time". No keys are needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, TypeAlias, TypeVar
from urllib.parse import unquote

import aiohttp
import msgspec
from msgspec import Meta, Struct, field

from adapters.bybit.hosts import is_loopback
from daemon.core.errors import FeedError
from daemon.core.events import Instrument

TIMEOUT_SECONDS = 10.0
SYMBOLS_ONE_BY_ONE_MAX = 20
PAGES_MAX = 50
INVALID_PARAMETER = 10001
FORBIDDEN = 403

PATH = "/v5/market/instruments-info"
Positive: TypeAlias = Annotated[str, Meta(pattern=r"^(?=.*[1-9])[0-9]{1,20}(\.[0-9]{1,20})?$")]
Body = TypeVar("Body")


class _LeverageFilter(Struct, frozen=True, rename="camel"):
    max_leverage: Positive


class _PriceFilter(Struct, frozen=True, rename="camel"):
    tick_size: Positive


class _LotSizeFilter(Struct, frozen=True, rename="camel"):
    qty_step: Positive
    min_order_qty: Positive
    max_order_qty: Positive
    max_mkt_order_qty: Positive | None = None
    min_notional_value: Positive = "5"


class _Item(Struct, frozen=True, rename="camel"):
    symbol: str
    status: str
    contract_type: str
    settle_coin: str
    leverage_filter: _LeverageFilter
    price_filter: _PriceFilter
    lot_size_filter: _LotSizeFilter
    funding_interval: Annotated[int, Meta(ge=0)] = 480


class _Page(Struct, frozen=True, rename="camel"):
    items: list[_Item] = field(name="list", default_factory=list)
    next_page_cursor: str | None = None


class _Time(Struct, frozen=True, rename="camel"):
    time_nano: Annotated[str, Meta(pattern=r"^[0-9]{19}$")]


class _Answer(Struct, frozen=True, rename="camel"):
    ret_code: int
    ret_msg: str = ""
    result: msgspec.Raw = msgspec.Raw(b"{}")


async def fetch_instruments(rest_url: str, symbols: Iterable[str]) -> list[Instrument]:
    """Fetch the specifications of linear perpetuals, in the order asked for.

    Args:
        rest_url: base address, such as https://api.bybit.com.
        symbols: such as "BTCUSDT"; repeated ones are fetched once.

    Raises:
        FeedError: the venue cannot be reached, refuses, answers something else, or does not know a symbol.
    """
    wanted = list(dict.fromkeys(symbols))
    async with _client(rest_url) as client:
        if len(wanted) > SYMBOLS_ONE_BY_ONE_MAX:
            found = await _fetch_all(client, rest_url)
        else:
            found = {symbol: item for symbol in wanted for item in await _fetch_one(client, rest_url, symbol)}
        missing = [symbol for symbol in wanted if symbol not in found]
        if missing:
            raise _unknown_symbols(missing, await _fetch_all(client, rest_url))
    return [_instrument(found[symbol]) for symbol in wanted]


async def server_time(rest_url: str) -> int:
    """Fetch the venue's clock, nanoseconds UTC; half the round trip old when it arrives.

    Raises:
        FeedError: the venue cannot be reached, refuses, or answers something else.
    """
    async with _client(rest_url) as client:
        where = f"{rest_url}/v5/market/time"
        answer = await _get(client, where, {})
    return int(_result(answer, _Time, where).time_nano)


def _client(rest_url: str) -> aiohttp.ClientSession:
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    return aiohttp.ClientSession(timeout=timeout, trust_env=not is_loopback(rest_url))


async def _fetch_one(client: aiohttp.ClientSession, rest_url: str, symbol: str) -> list[_Item]:
    answer = await _get(client, rest_url + PATH, {"category": "linear", "symbol": symbol})
    if answer.ret_code == INVALID_PARAMETER:
        return []
    return [item for item in _result(answer, _Page, rest_url + PATH).items if item.symbol == symbol]


async def _fetch_all(client: aiohttp.ClientSession, rest_url: str) -> dict[str, _Item]:
    found: dict[str, _Item] = {}
    query = {"category": "linear", "limit": "1000"}
    for _ in range(PAGES_MAX):
        page = _result(await _get(client, rest_url + PATH, query), _Page, rest_url + PATH)
        found.update((item.symbol, item) for item in page.items)
        if not page.next_page_cursor:
            break
        query["cursor"] = unquote(page.next_page_cursor)
    return found


async def _get(client: aiohttp.ClientSession, url: str, query: dict[str, str]) -> _Answer:
    """Ask once.

    Raises:
        FeedError: there is no answer in Bybit's envelope.
    """
    try:
        async with client.get(url, params=query) as response:
            body = await response.read()
    except (aiohttp.ClientError, OSError) as error:
        reason = str(error) or type(error).__name__
        raise FeedError(f"GET {url}: {reason}", cure="check the network and the address of the environment") from error
    if response.status == FORBIDDEN:
        raise FeedError(
            f"GET {url}: refused with HTTP 403",
            cure="Bybit refuses this address or region, or was asked too often: then wait ten minutes",
        )
    return _decode(body, _Answer, f"{url} (HTTP {response.status})")


def _result(answer: _Answer, type_: type[Body], url: str) -> Body:
    if answer.ret_code != 0:
        raise FeedError(
            f"GET {url}: retCode {answer.ret_code}, {answer.ret_msg[:200]}", cure="look the code up in Bybit's v5 docs"
        )
    return _decode(answer.result, type_, url)


def _decode(body: bytes | msgspec.Raw, type_: type[Body], url: str) -> Body:
    try:
        return msgspec.json.decode(body, type=type_)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        head = bytes(body)[:60].decode("utf-8", "replace")
        raise FeedError(
            f"GET {url}: not an answer of Bybit's v5 API ({error}), it begins {head!r}",
            cure="check the address of the environment; a proxy or login page may answer in its place",
        ) from error


def _unknown_symbols(missing: Sequence[str], known: dict[str, _Item]) -> FeedError:
    hints = []
    for symbol in missing:
        near = get_close_matches(symbol.upper(), known, n=3, cutoff=0.6)
        hints.append(f"{symbol} (did you mean {', '.join(near)}?)" if near else symbol)
    return FeedError(
        f"Bybit has no linear instrument {', '.join(hints)}", cure="correct the symbol, as in BTCUSDT or 1000PEPEUSDT"
    )


def _instrument(item: _Item) -> Instrument:
    if (item.contract_type, item.settle_coin) != ("LinearPerpetual", "USDT"):
        raise FeedError(
            f"{item.symbol} is a {item.contract_type} settled in {item.settle_coin}",
            cure="choose a perpetual settled in USDT",
        )
    lot = item.lot_size_filter
    return Instrument(
        symbol=item.symbol,
        tick=Decimal(item.price_filter.tick_size),
        step=Decimal(lot.qty_step),
        min_qty=Decimal(lot.min_order_qty),
        max_qty=Decimal(lot.max_order_qty),
        max_market_qty=Decimal(lot.max_mkt_order_qty or lot.max_order_qty),
        min_notional=Decimal(lot.min_notional_value),
        max_leverage=Decimal(item.leverage_filter.max_leverage),
        funding_interval_min=item.funding_interval,
        status=item.status,
    )
