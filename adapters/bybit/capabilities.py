"""What each environment of Bybit offers, and which hosts belong together.

Source: Bybit v5 docs, "Demo Trading Service" (what is listed there exists; of what is not listed nothing is relied on)
and "Integration Guidance". Of a custom server only what every environment offers is expected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

from msgspec import Struct

from adapters.bybit.hosts import ENVIRONMENTS, Environment, is_loopback


class Capabilities(Struct, frozen=True, kw_only=True):
    """What may be relied on.

    fee_rate: account/fee-rate.  order_socket: orders over a websocket.  fast_executions: topic execution.fast.
    demo_funds: money may be asked for.  order_days: how long closed orders without a fill can be asked for, days.
    real_market: public data is that of the real market.
    """

    fee_rate: bool = False
    order_socket: bool = False
    fast_executions: bool = False
    demo_funds: bool = False
    order_days: int = 1
    real_market: bool = False


_LEAST = Capabilities()
_TABLE: Mapping[str, Capabilities] = MappingProxyType(
    {
        "mainnet": Capabilities(fee_rate=True, order_socket=True, fast_executions=True, real_market=True),
        "testnet": Capabilities(fee_rate=True, order_socket=True, fast_executions=True),
        "demo": Capabilities(demo_funds=True, real_market=True),
    }
)


def capabilities(environment: Environment) -> Capabilities:
    """What an environment offers."""
    return _TABLE.get(environment.name, _LEAST)


def host_problems(environment: Environment) -> Iterator[str]:
    """What is wrong with the hosts of an environment taken together; a sentence each.

    Bybit's own environments must have exactly their own hosts, because a key that is sent elsewhere is lost; a custom
    one must have none of theirs, and must lie on this machine with all of its addresses or with none.
    """
    own = ENVIRONMENTS.get(environment.name)
    if own is not None:
        if own != environment:
            yield f"{environment.name} has other hosts than Bybit's"
        return
    addresses = (environment.rest, environment.public_linear, environment.private)
    taken = {
        _host(each) for known in ENVIRONMENTS.values() for each in (known.rest, known.private, known.public_linear)
    }
    for address in addresses:
        if _host(address) in taken:
            yield f"{address} is Bybit's; name its environment instead of a custom one"
    if len({is_loopback(address) for address in addresses}) > 1:
        yield "some addresses are on this machine and some are not"


def _host(address: str) -> str:
    return (urlsplit(address).hostname or "").rstrip(".").lower()
