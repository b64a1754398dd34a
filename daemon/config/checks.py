"""What types cannot say: names that refer to each other, sums, and settings that exclude each other."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from daemon.config import hints
from daemon.config.account_checks import account_problems, twin_problems
from daemon.config.problem import Problem, join, repeated
from daemon.config.schema import Config, LaneSettings, StrategySettings, VenueSettings

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SCHEMES = {"rest_url": ("https", "http"), "public_url": ("wss", "ws"), "private_url": ("wss", "ws")}
WEIGHT_TOLERANCE = 1e-9


def find_problems(config: Config) -> list[Problem]:
    """Everything that does not fit together, in the order of the file."""
    checks = (
        _venue,
        _feed,
        _instruments,
        _lane_names,
        _accounts,
        account_problems,
        twin_problems,
        _strategies,
        _trouble,
    )
    return [problem for check in checks for problem in check(config)]


def _venue(config: Config) -> Iterator[Problem]:
    venue = config.venue
    if venue.clock == "venue" and venue.environment != "custom":
        what = f"the venue's stamps cannot be the clock of {venue.environment}"
        yield Problem("venue.clock", what, 'Write clock = "system"; "venue" is for accelerated sandboxes (custom).')
    if venue.speed != 1 and venue.clock != "venue":
        cure = 'Remove it, or write clock = "venue", for a custom environment that runs faster than the world.'
        yield Problem("venue.speed", "given where the machine's clock is the clock", cure)
    private = any(account.venue == "bybit" for account in config.accounts.values())
    for key in SCHEMES:
        yield from _url(venue, key, needed=private or key != "private_url")


def _url(venue: VenueSettings, key: str, *, needed: bool) -> Iterator[Problem]:
    path, text = f"venue.{key}", getattr(venue, key)
    custom = venue.environment == "custom"
    if text is None and custom and needed:
        cure = "A custom environment needs rest_url and public_url, and private_url for accounts at Bybit."
        yield Problem(path, "missing", cure)
    elif text is not None and not custom:
        cure = f'Remove it, or write environment = "custom"; {venue.environment} has its own address.'
        yield Problem(path, f"given for {venue.environment}", cure)
    elif text is not None:
        yield from _address(path, text, *SCHEMES[key])


def _address(path: str, text: str, secure: str, plain: str) -> Iterator[Problem]:
    parts = _split(text)
    if parts is None or parts.scheme not in (secure, plain) or not parts.hostname:
        yield Problem(path, f"{text!r} is not an address", f"Write {secure}://host[:port][/path].")
    elif parts.username or parts.password or parts.query or parts.fragment:
        yield Problem(path, "holds a user, a password, a query or a fragment", "Write the bare address.")
    elif parts.scheme == plain and parts.hostname not in LOOPBACK:
        yield Problem(path, f"{plain} to {parts.hostname} is not encrypted", f"Write {secure}://, or use 127.0.0.1.")


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts if text.isascii() and text.isprintable() and " " not in text else None


def _feed(config: Config) -> Iterator[Problem]:
    feed = config.feed
    yield from repeated(feed.symbols, "feed.symbols")
    yield from repeated(feed.klines, "feed.klines")
    if not config.feed.symbols and not config.history:
        yield Problem("feed.symbols", "no symbols and no history", 'Write for example symbols = ["BTCUSDT"].')
    if not (feed.book_depth or feed.trades or feed.tickers or feed.klines):
        yield Problem("feed", "every kind of data is off", "Turn on book_depth, trades, tickers or klines.")


def _instruments(config: Config) -> Iterator[Problem]:
    known = config.symbols
    for symbol in config.instruments:
        if known and symbol not in known:
            cure = hints.unknown_name(symbol, known, "symbols")
            yield Problem(f"instruments.{symbol}", "no data is configured for this symbol", cure)


def _lane_names(config: Config) -> Iterator[Problem]:
    yield from repeated([lane.name for lane in config.lanes], "lanes", "name")
    for index, lane in enumerate(config.lanes):
        names = [strategy.name for strategy in lane.strategies]
        yield from repeated(names, f"lanes[{index}].strategies", "name")


def _accounts(config: Config) -> Iterator[Problem]:
    taken: dict[str, str] = {}
    for index, lane in enumerate(config.lanes):
        path = f"lanes[{index}].account"
        if lane.account not in config.accounts:
            cure = hints.unknown_name(lane.account, config.accounts, "accounts")
            yield Problem(path, f"there is no account {lane.account!r}", cure)
        elif lane.active and lane.account in taken:
            what = f"the active lanes {taken[lane.account]!r} and {lane.name!r} share the account {lane.account!r}"
            yield Problem(path, what, "Give each active lane its own account, or set active = false in one.")
        elif lane.active:
            taken[lane.account] = lane.name


def _strategies(config: Config) -> Iterator[Problem]:
    for index, lane in enumerate(config.lanes):
        path = f"lanes[{index}]"
        yield from _weights(lane, path)
        for place, strategy in enumerate(lane.strategies):
            yield from _symbols(config, strategy, join(f"{path}.strategies", place))


def _weights(lane: LaneSettings, path: str) -> Iterator[Problem]:
    total = sum(strategy.weight for strategy in lane.strategies)
    if total > 1 + WEIGHT_TOLERANCE:
        share = int(1000 / len(lane.strategies)) / 1000
        what = f"the weights add up to {total:g}, more than the lane's equity"
        yield Problem(f"{path}.strategies", what, f"Let them add up to at most 1, for example weight = {share:g} each.")


def _symbols(config: Config, strategy: StrategySettings, path: str) -> Iterator[Problem]:
    known = config.symbols
    yield from repeated(strategy.symbols, f"{path}.symbols")
    if not known and not strategy.symbols:
        yield Problem(f"{path}.symbols", "missing, and neither feed nor history names one", "Name the symbols here.")
    for index, symbol in enumerate(strategy.symbols):
        if known and symbol not in known:
            cure = hints.unknown_name(symbol, known, "symbols")
            yield Problem(f"{path}.symbols[{index}]", f"no data is configured for {symbol}", cure)


def _trouble(config: Config) -> Iterator[Problem]:
    lanes = [lane.name for lane in config.lanes]
    for index, trouble in enumerate(config.trouble):
        path = f"trouble[{index}]"
        if trouble.lane and trouble.lane not in lanes:
            cure = hints.unknown_name(trouble.lane, lanes, "lanes")
            yield Problem(f"{path}.lane", f"there is no lane {trouble.lane!r}", cure)
        if trouble.symbol and config.symbols and trouble.symbol not in config.symbols:
            cure = hints.unknown_name(trouble.symbol, config.symbols, "symbols")
            yield Problem(f"{path}.symbol", f"no data is configured for {trouble.symbol}", cure)
