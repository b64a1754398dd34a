"""The one configuration file: TOML, YAML or JSON with the same keys, decoded into frozen structs.

    text -> syntax (duplicate keys, NaN) -> decode (types, unknown keys) -> checks (references) -> Config

Every key is explained in docs/configuration.md. Everything wrong is a `ConfigError` whose message starts with the
file and the path of the key, and that says how to cure it.
"""

from __future__ import annotations

from daemon.config.account import AccountSettings, fingerprint
from daemon.config.decode import decode
from daemon.config.document import config_digest, config_document, config_from_document
from daemon.config.instrument import InstrumentSettings, RiskTierSettings
from daemon.config.interval import interval_text, parse_interval
from daemon.config.load import load_config, parse_config, require_active_lane
from daemon.config.moment import iso_time, parse_moment
from daemon.config.schema import (
    TWIN,
    Config,
    FeedSettings,
    LaneSettings,
    StaleAfter,
    StorageSettings,
    StrategySettings,
    VenueSettings,
)
from daemon.config.syntax import Format
from daemon.config.trouble import TroubleSettings
from daemon.core.remote.settings import OrderSettings

__all__ = [
    "TWIN",
    "AccountSettings",
    "Config",
    "FeedSettings",
    "Format",
    "InstrumentSettings",
    "LaneSettings",
    "OrderSettings",
    "RiskTierSettings",
    "StaleAfter",
    "StorageSettings",
    "StrategySettings",
    "TroubleSettings",
    "VenueSettings",
    "config_digest",
    "config_document",
    "config_from_document",
    "decode",
    "fingerprint",
    "interval_text",
    "iso_time",
    "load_config",
    "parse_config",
    "parse_interval",
    "parse_moment",
    "require_active_lane",
]
