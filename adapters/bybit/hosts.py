"""Where Bybit's environments live. Keys belong to exactly one of them.

Source: Bybit v5 docs, "Integration Guidance", "Demo Trading Service" and "WebSocket Stream > Connect".
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

from msgspec import Struct

from daemon.core.errors import ConfigError

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


class Environment(Struct, frozen=True, kw_only=True):
    """Base addresses of an environment, without a trailing slash.

    rest: of REST paths such as /v5/market/time.  public_linear, private: whole addresses of the two sockets.
    real_money: whether orders sent there can cost money; assumed for every host that is not known to be harmless.
    """

    name: str
    rest: str
    public_linear: str
    private: str
    real_money: bool


MAINNET = Environment(
    name="mainnet",
    rest="https://api.bybit.com",
    public_linear="wss://stream.bybit.com/v5/public/linear",
    private="wss://stream.bybit.com/v5/private",
    real_money=True,
)
TESTNET = Environment(
    name="testnet",
    rest="https://api-testnet.bybit.com",
    public_linear="wss://stream-testnet.bybit.com/v5/public/linear",
    private="wss://stream-testnet.bybit.com/v5/private",
    real_money=False,
)
DEMO = Environment(
    name="demo",
    rest="https://api-demo.bybit.com",
    public_linear=MAINNET.public_linear,
    private="wss://stream-demo.bybit.com/v5/private",
    real_money=False,
)
ENVIRONMENTS: Mapping[str, Environment] = MappingProxyType({host.name: host for host in (MAINNET, TESTNET, DEMO)})


def environment(name: str) -> Environment:
    """Return one of Bybit's environments by name.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in ENVIRONMENTS:
        raise ConfigError(f"environment: {name!r} is unknown", cure=f"use one of {', '.join(ENVIRONMENTS)}")
    return ENVIRONMENTS[name]


def custom_environment(name: str, *, rest: str, public_linear: str, private: str) -> Environment:
    """Describe another server that speaks Bybit v5: the sandbox, a proxy, a regional host.

    Unencrypted addresses are taken on loopback only, and every other server is assumed to trade real money.

    Raises:
        ConfigError: the name is one of Bybit's, or an address is none or is unencrypted off loopback.
    """
    if name in ENVIRONMENTS:
        raise ConfigError(f"environment: {name!r} is Bybit's own name", cure="give the custom environment another one")
    addresses = {"rest": rest, "public_linear": public_linear, "private": private}
    for key, address in addresses.items():
        _check_address(f"environment.{name}.{key}", address, "http" if key == "rest" else "ws")
    trimmed = {key: address.rstrip("/") for key, address in addresses.items()}
    return Environment(name=name, **trimmed, real_money=not all(map(is_loopback, addresses.values())))


def is_loopback(address: str) -> bool:
    """Whether an address names this machine."""
    return urlsplit(address).hostname in LOOPBACK_HOSTS


def _check_address(path: str, address: str, scheme: str) -> None:
    try:
        parts = urlsplit(address)
        given, host = parts.scheme, parts.hostname
    except ValueError as error:
        raise ConfigError(
            f"{path}: {address!r} is not an address ({error})", cure="write scheme://host/path"
        ) from error
    if not host or given not in {scheme, f"{scheme}s"}:
        raise ConfigError(f"{path}: {address!r} is not a {scheme}s address", cure=f"write {scheme}s://host/path")
    if given == scheme and host not in LOOPBACK_HOSTS:
        raise ConfigError(f"{path}: {address!r} is not encrypted", cure=f"use {scheme}s://, or a host on loopback")
