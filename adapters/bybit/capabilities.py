"""How the environments of Bybit differ in what we use, and which hosts belong together.

| | mainnet, testnet | demo | custom |
|---|---|---|---|
| says whose a key is (`user/query-api`) | yes | not to be relied on | not to be relied on |
| keeps executions | two years | seven days | as long as it likes |

Source: Bybit v5 docs, "Demo Trading Service" (what is listed there exists; of what is not listed nothing is relied on),
"Get Trade History" and "Integration Guidance".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

from msgspec import Struct

from adapters.bybit.hosts import ENVIRONMENTS, Environment, is_loopback


class Capabilities(Struct, frozen=True):
    """What may be relied on.

    key_info: the venue says whose a key is, and what it may do.
    history_days: for how long it can be asked about executions; None without a limit.
    """

    key_info: bool
    history_days: int | None


_CUSTOM = Capabilities(key_info=False, history_days=None)
_TABLE: Mapping[str, Capabilities] = MappingProxyType(
    {
        "mainnet": Capabilities(key_info=True, history_days=730),
        "testnet": Capabilities(key_info=True, history_days=730),
        "demo": Capabilities(key_info=False, history_days=7),
    }
)


def capabilities(environment: str) -> Capabilities:
    """What an environment of this name offers."""
    return _TABLE.get(environment, _CUSTOM)


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
