"""Names of Bybit's public topics: what they mean, and how subscriptions are cut into requests and connections."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum

from msgspec import Struct

from daemon.core.errors import ConfigError
from daemon.core.units import NS_PER_DAY, NS_PER_MINUTE

INTERVAL_NS = {
    **{str(minutes): minutes * NS_PER_MINUTE for minutes in (1, 3, 5, 15, 30, 60, 120, 240, 360, 720)},
    "D": NS_PER_DAY,
    "W": 7 * NS_PER_DAY,
}
ARGS_CHARACTERS_MAX = 21_000
_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,39}", re.ASCII)


class TopicKind(StrEnum):
    """First word of a topic."""

    ORDERBOOK = "orderbook"
    TRADE = "publicTrade"
    TICKER = "tickers"
    KLINE = "kline"
    LIQUIDATION = "allLiquidation"


class Topic(Struct, frozen=True):
    """A public topic such as `orderbook.50.BTCUSDT`.

    depth: levels a side of a book, 0 for others.  interval: length of a candle in nanoseconds, 0 for others.
    interval_code: Bybit's word for that length, such as "60" or "D".
    """

    name: str
    kind: TopicKind
    symbol: str
    depth: int = 0
    interval: int = 0
    interval_code: str = ""


def parse_topic(name: str) -> Topic:
    """Read the name of a topic.

    Raises:
        ConfigError: the topic is not one of the five kinds, or its depth, interval or symbol cannot be.
    """
    *words, symbol = name.split(".")
    if not _SYMBOL.fullmatch(symbol):
        raise _unknown(name, "its last word must be a symbol such as BTCUSDT")
    match words:
        case [("publicTrade" | "tickers" | "allLiquidation") as kind]:
            return Topic(name, TopicKind(kind), symbol)
        case ["orderbook", depth] if re.fullmatch(r"[1-9][0-9]{0,3}", depth, re.ASCII):
            return Topic(name, TopicKind.ORDERBOOK, symbol, depth=int(depth))
        case ["kline", code] if code in INTERVAL_NS:
            return Topic(name, TopicKind.KLINE, symbol, interval=INTERVAL_NS[code], interval_code=code)
        case ["kline", "M"]:
            raise _unknown(name, "a month is not a fixed interval")
    raise _unknown(name, "it is not a public topic this feed reads")


def topic_prefix(name: str) -> bytes:
    """First bytes of every push of a topic as Bybit writes them, up to the quote that closes the topic."""
    return b'{"topic":"' + name.encode()


def parse_subscription(names: Iterable[str]) -> list[Topic]:
    """Read the topics to subscribe to, in order; repeated ones are taken once.

    Raises:
        ConfigError: there is none, one cannot be read, or two depths of one symbol's book are asked for.
    """
    topics = [parse_topic(name) for name in dict.fromkeys(names)]
    if not topics:
        raise ConfigError("topics: there is nothing to subscribe to", cure="name at least one topic")
    books: dict[str, str] = {}
    for topic in topics:
        if topic.depth and books.setdefault(topic.symbol, topic.name) != topic.name:
            raise ConfigError(
                f"topics: {books[topic.symbol]} and {topic.name} are two books of one symbol",
                cure="subscribe to one depth per symbol",
            )
    return topics


def split_requests(topics: Sequence[Topic], topics_per_request: int) -> list[list[Topic]]:
    """Cut subscriptions into requests of at most `topics_per_request` topics, in order."""
    return [list(topics[first : first + topics_per_request]) for first in range(0, len(topics), topics_per_request)]


def split_connections(topics: Sequence[Topic], topics_per_connection: int) -> list[list[Topic]]:
    """Cut topics into connections, in order: at most that many, and 21,000 characters of `args` each.

    Source of the limit: Bybit v5 docs, "WebSocket Stream > Connect", public channel args limits.
    """
    connections: list[list[Topic]] = []
    characters = ARGS_CHARACTERS_MAX
    for topic in topics:
        width = len(topic.name) + len('"",')
        if characters + width > ARGS_CHARACTERS_MAX or len(connections[-1]) >= topics_per_connection:
            connections.append([])
            characters = len("[]")
        connections[-1].append(topic)
        characters += width
    return connections


def _unknown(name: str, why: str) -> ConfigError:
    return ConfigError(
        f"topic {name[:80]!r}: {why}",
        cure="use orderbook.50.S, publicTrade.S, tickers.S, kline.1.S or allLiquidation.S, S being a symbol",
    )
