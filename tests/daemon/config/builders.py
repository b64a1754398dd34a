"""Valid configurations as plain data, written in each format."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import yaml
from hypothesis import strategies as st

from daemon.config import Config, Format, parse_config
from daemon.config.plain import NOT_NUMBERS

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
FORMATS: tuple[Format, ...] = ("toml", "yaml", "json")

LANE = {"name": "main", "account": "paper", "strategies": [{"name": "baseline", "use": "baseline_perps"}]}
DOCUMENT: dict[str, Any] = {"feed": {"symbols": ["BTCUSDT"]}, "accounts": {"paper": {}}, "lanes": [LANE]}


def with_value(path: str, value: object) -> dict[str, Any]:
    """DOCUMENT with one value set; path is keys and indices joined by dots."""
    document: dict[str, Any] = json.loads(json.dumps(DOCUMENT))
    *keys, last = path.split(".")
    place: Any = document
    for key in keys:
        place = place[int(key)] if isinstance(place, list) else place.setdefault(key, {})
    if isinstance(place, list):
        place[int(last) :] = [value]
    else:
        place[last] = value
    return document


def parse(document: object, kind: Format = "json", name: str = "my.toml") -> Config:
    return parse_config(write(document, kind), kind, name)


def write(document: object, kind: Format) -> str:
    if kind == "json":
        return json.dumps(document)
    if kind == "yaml":
        return yaml.dump(document, Dumper=_QuotingDumper, allow_unicode=True, sort_keys=False)
    assert isinstance(document, dict)
    return "".join(f"{_toml(key)} = {_toml(value)}\n" for key, value in document.items())


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_toml(key)} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


class _QuotingDumper(yaml.SafeDumper):
    """Quotes every text: plain scalars mean other things in YAML 1.1, which PyYAML writes."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_QuotingDumper.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
)

_texts = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff\u2028\u2029\x85"), max_size=8
)
_numbers = st.integers(-(2**40), 2**40) | st.floats(-1e9, 1e9, allow_subnormal=False)
_scalars = (
    st.booleans() | _numbers | _texts.filter(lambda text: "nan" not in text.lower() and "inf" not in text.lower())
)
_free = st.dictionaries(
    st.text("abcdefgh_0123", min_size=1, max_size=6),
    st.recursive(_scalars, lambda inner: st.lists(inner, max_size=3), max_leaves=4),
    max_size=4,
)
_money = st.decimals(1, 10**6, places=2).map(str)


def some(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=values)


_exchange = some(
    fill_data=st.sampled_from(["auto", "book", "trades", "bars"]),
    taker_fee=st.sampled_from(["0.00055", "0.0", 0.001]),
    entry_latency_ms=st.integers(0, 60_000),
    entry_latency_samples_ms=st.lists(st.floats(0, 60_000), max_size=3),
    margin_mode=st.sampled_from(["isolated", "cross"]),
    queue=st.sampled_from(["through", "back", "proportional", "front"]),
    slippage_ticks=st.integers(0, 1000),
    volume_share=st.floats(0.01, 1),
    stop_free_margin_usdt=st.just("off") | st.integers(0, 1000),
    account_every_min=st.integers(0, 1440),
)
_moments: st.SearchStrategy[dict[str, Any]] = st.sampled_from([{"at": "2025-05-06T01:00:00Z"}, {"after_ms": 5000}])
_trouble = st.builds(
    lambda when, what: {**when, **what},
    _moments,
    st.fixed_dictionaries(
        {"kind": st.sampled_from(["late", "lost_request", "disconnect"]), "delay_ms": st.integers(1, 10_000)},
        optional={"count": st.integers(1, 5), "symbol": st.sampled_from(SYMBOLS), "share": st.floats(0.1, 1)},
    ),
)
_guards = some(
    stale_after_ms=st.integers(1, 10**6) | st.just("off"),
    max_orders_per_min=st.integers(1, 1000) | st.just("off"),
    max_order_notional_usdt=st.floats(1, 1e6) | st.integers(1, 10**6),
    max_leverage=st.floats(0.5, 125) | st.just("off"),
    price_collar=st.floats(0.001, 0.5),
)
_feed = st.fixed_dictionaries(
    {"symbols": st.just(list(SYMBOLS))},
    optional={
        "book_depth": st.sampled_from([0, 1, 50, 200, 1000]),
        "trades": st.booleans(),
        "klines": st.lists(st.sampled_from(["1m", "5m", "1h", "1d", "1w"]), unique=True, min_size=1),
        "timer_ms": st.integers(0, 10_000),
        "stale_after_ms": some(book=st.integers(0, 10**6), klines=st.integers(0, 10**6)),
    },
)
_storage = some(
    directory=_texts.filter(lambda text: text.strip().lstrip("+-").lower() not in ("", *NOT_NUMBERS)),
    segment_mb=st.integers(1, 4096),
    fsync=st.sampled_from(["group", "none"]),
)


@st.composite
def lanes(draw: st.DrawFn, index: int) -> dict[str, Any]:
    strategies = draw(st.integers(1, 3))
    return {
        "name": f"lane_{index}",
        "account": f"account_{index}",
        **draw(some(active=st.booleans(), guards=_guards)),
        "strategies": [
            {
                "name": f"strategy_{number}",
                "use": "baseline_perps",
                "weight": 1 / strategies,
                **draw(some(symbols=st.lists(st.sampled_from(SYMBOLS), unique=True, min_size=1), settings=_free)),
            }
            for number in range(strategies)
        ],
    }


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A random valid configuration."""
    count = draw(st.integers(0, 3))
    accounts = {
        f"account_{index}": draw(some(balance_usdt=_money, leverage=st.integers(1, 125), exchange=_exchange))
        for index in range(count)
    }
    return {
        "feed": draw(_feed),
        **draw(some(storage=_storage, venue=some(environment=st.sampled_from(["mainnet", "testnet", "demo"])))),
        "accounts": accounts,
        "lanes": [draw(lanes(index)) for index in range(count)],
        "trouble": draw(st.lists(_trouble, max_size=2)),
    }


def places(value: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(path, container, key) of every value, as error messages write the path."""
    if isinstance(value, dict):
        for key, item in value.items():
            below = f"{path}.{key}" if path else key
            yield below, value, key
            yield from places(item, below)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield f"{path}[{index}]", value, index
            yield from places(item, f"{path}[{index}]")
