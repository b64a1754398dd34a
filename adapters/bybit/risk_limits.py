"""Risk tiers over REST: the margin that a position of each size needs.

Source: Bybit v5 docs, "Get Risk Limit". For linear contracts rates are fractions, and the first tier's mmDeduction is
an empty text; an answer names 15 symbols a page when none is asked for. No keys are needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Annotated, TypeAlias
from urllib.parse import unquote

import aiohttp
from msgspec import Meta, Struct, field

from adapters.bybit.rest import INVALID_PARAMETER, UNKNOWN_ROUTE, ask, read_result
from daemon.core.errors import FeedError
from daemon.core.events import RiskTier
from daemon.core.tiers import find_fault
from daemon.core.units import ZERO

PATH = "/v5/market/risk-limit"
PAGES_MAX = 200
SYMBOLS_ONE_BY_ONE_MAX = 20
Number: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9]{1,20}(\.[0-9]{1,20})?$")]
MaybeNumber: TypeAlias = Annotated[str, Meta(pattern=r"^([0-9]{1,20}(\.[0-9]{1,20})?)?$")]
Tiers: TypeAlias = dict[str, tuple[RiskTier, ...]]


class _Item(Struct, frozen=True, rename="camel"):
    symbol: str
    risk_limit_value: Number
    maintenance_margin: Number
    initial_margin: Number
    max_leverage: Number
    mm_deduction: MaybeNumber = ""


class _Page(Struct, frozen=True, rename="camel"):
    items: list[_Item] = field(name="list", default_factory=list)
    next_page_cursor: str | None = None


async def fetch_tiers(client: aiohttp.ClientSession, rest_url: str, symbols: Sequence[str]) -> Tiers | None:
    """The tiers of some symbols, lowest first; symbols without any are left out.

    Returns:
        None where the venue does not know the question, as sandboxes of other makers.

    Raises:
        FeedError: the venue cannot be reached, refuses, or answers something else.
    """
    items: list[_Item] = []
    questions = [{"symbol": symbol} for symbol in symbols] if len(symbols) <= SYMBOLS_ONE_BY_ONE_MAX else [{}]
    for question in questions:
        found = await _pages(client, rest_url, {"category": "linear", **question})
        if found is None:
            return None
        items += found
    wanted = frozenset(symbols)
    return _by_symbol(item for item in items if item.symbol in wanted)


async def _pages(client: aiohttp.ClientSession, rest_url: str, query: dict[str, str]) -> list[_Item] | None:
    """Every item of a question; None where the venue does not know it."""
    url = rest_url + PATH
    items: list[_Item] = []
    for _ in range(PAGES_MAX):
        answer = await ask(client, url, query)
        if answer.ret_code == UNKNOWN_ROUTE:
            return None
        if answer.ret_code == INVALID_PARAMETER:
            return []
        page = read_result(answer, _Page, url)
        items += page.items
        if not page.next_page_cursor:
            return items
        query["cursor"] = unquote(page.next_page_cursor)
    raise FeedError(f"GET {url}: more than {PAGES_MAX} pages", cure="report this with the address of the environment")


def _by_symbol(items: Iterable[_Item]) -> Tiers:
    found: dict[str, list[RiskTier]] = {}
    for item in items:
        found.setdefault(item.symbol, []).append(_tier(item))
    return {symbol: _sorted(symbol, tiers) for symbol, tiers in found.items()}


def _tier(item: _Item) -> RiskTier:
    return RiskTier(
        limit=Decimal(item.risk_limit_value),
        maintenance_rate=Decimal(item.maintenance_margin),
        initial_rate=Decimal(item.initial_margin),
        max_leverage=Decimal(item.max_leverage),
        deduction=Decimal(item.mm_deduction) if item.mm_deduction else ZERO,
    )


def _sorted(symbol: str, tiers: list[RiskTier]) -> tuple[RiskTier, ...]:
    tiers.sort(key=lambda tier: tier.limit)
    if fault := find_fault(tiers):
        raise FeedError(
            f"GET {PATH}: the risk limits of {symbol} contradict themselves: {fault}",
            cure="compare with the venue's page of risk limits; report this if they are right there",
        )
    return tuple(tiers)
