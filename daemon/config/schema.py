"""What may stand in a configuration file. Units stand last in the names; docs/configuration.md explains every key."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from daemon.config.account import AccountSettings
from daemon.config.instrument import InstrumentSettings
from daemon.config.trouble import TroubleSettings
from daemon.core.guards import GuardSettings

Interval = Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d", "1w"]
Symbol = Annotated[str, Meta(pattern="^[A-Z0-9]{1,24}USDT$")]
SilenceMs = Annotated[int, Meta(ge=0, le=86_400_000)]


class VenueSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where market data comes from, and where orders go.

    rest_url, public_url, private_url: only for `custom`, such as a sandbox on loopback. public_url and private_url are
    the whole addresses of the public linear and of the private stream. clock: "venue" takes the time from the frames'
    own stamps, for a sandbox that runs faster than the world; speed: how much faster, a factor.
    """

    name: Literal["bybit"] = "bybit"
    environment: Literal["mainnet", "testnet", "demo", "custom"] = "mainnet"
    clock: Literal["system", "venue"] = "system"
    rest_url: str | None = None
    public_url: str | None = None
    private_url: str | None = None
    speed: Annotated[float, Meta(gt=0, le=1_000_000)] = 1.0


class StaleAfter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a topic may be silent before it counts as stale, milliseconds; 0 never."""

    book: SilenceMs = 5_000
    ticker: SilenceMs = 5_000
    trades: SilenceMs = 120_000
    klines: SilenceMs = 70_000


class FeedSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to subscribe to. book_depth 0 means no book; timer_ms is the period of a timer input, 0 none.

    instruments_every_min: how often the venue is asked whether specifications changed, minutes of the run; 0 never.
    """

    symbols: tuple[Symbol, ...] = ()
    book_depth: Literal[0, 1, 50, 200, 1000] = 50
    trades: bool = True
    tickers: bool = True
    klines: tuple[Interval, ...] = ("1m",)
    timer_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 1000
    instruments_every_min: Annotated[int, Meta(ge=0, le=10_080)] = 60
    stale_after_ms: StaleAfter = StaleAfter()


class StorageSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where runs are written. Below `min_free_mb` of free disk a run does not start, or stops.

    fsync "group" makes what was appended durable every `fsync_interval_ms`; "none" leaves it to the system.
    """

    directory: Annotated[str, Meta(min_length=1)] = "logs"
    segment_mb: Annotated[int, Meta(ge=1, le=4096)] = 64
    fsync: Literal["group", "none"] = "group"
    fsync_interval_ms: Annotated[int, Meta(ge=1, le=10_000)] = 50
    min_free_mb: Annotated[int, Meta(ge=0)] = 200


class StrategySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A strategy in a lane.

    use: name of an entry point, or "path/to/file.py:Class".  symbols: empty means every symbol of the feed.
    weight: share of the lane's equity that it may size on, a fraction.  settings: decoded by the strategy itself.
    """

    name: Annotated[str, Meta(pattern="^[a-z0-9_]{1,24}$")]
    use: Annotated[str, Meta(min_length=1)]
    symbols: tuple[Symbol, ...] = ()
    weight: Annotated[float, Meta(gt=0, le=1)] = 1.0
    settings: dict[str, Any] = field(default_factory=dict)


TWIN = "_twin"


class LaneSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Strategies that share one account and its guards. An inactive lane is configuration only.

    twin: where the lane trades at a venue, a second one beside it does the same on a simulated exchange.
    """

    name: Annotated[str, Meta(pattern="^[a-z0-9_]{1,16}$")]
    account: str
    strategies: Annotated[tuple[StrategySettings, ...], Meta(min_length=1)]
    active: bool = True
    twin: bool = False
    guards: GuardSettings = GuardSettings()


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole configuration file. `history` holds raw mappings of files, validated by the backtest that reads them.

    trouble: what is to go wrong at the simulated exchanges, and when.
    """

    venue: VenueSettings = VenueSettings()
    feed: FeedSettings = FeedSettings()
    storage: StorageSettings = StorageSettings()
    instruments: dict[Symbol, InstrumentSettings] = field(default_factory=dict)
    accounts: dict[str, AccountSettings] = field(default_factory=dict)
    history: tuple[dict[str, Any], ...] = ()
    lanes: tuple[LaneSettings, ...] = ()
    trouble: tuple[TroubleSettings, ...] = ()

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols of the feed; those that the history names when there is no feed. In the file's order."""
        named = (entry.get("symbol") for entry in self.history)
        return self.feed.symbols or tuple(dict.fromkeys(name for name in named if isinstance(name, str)))

    def symbols_of(self, strategy: StrategySettings) -> tuple[str, ...]:
        """Symbols that a strategy trades, the default filled in."""
        return strategy.symbols or self.symbols

    @property
    def active_lanes(self) -> tuple[LaneSettings, ...]:
        """Lanes that run, in the file's order."""
        return tuple(lane for lane in self.lanes if lane.active)
