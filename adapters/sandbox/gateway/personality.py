"""What an environment offers: a demo account can do less than a live one.

Source: Bybit v5 docs, "Demo Trading Service". The documentation lists `user/query-api` for demo keys in one place and
leaves it out in another; here a demo key is answered, since a bot has no other way to learn whose key it holds.
`account/fee-rate` is not listed and not answered. Mainnet and testnet offer the same.
"""

from __future__ import annotations

from msgspec import Struct

from adapters.sandbox.gateway.accounts import Personality

QUERY_API = "/v5/user/query-api"
APPLY_MONEY = "/v5/account/demo-apply-money"

TOPICS = ("order", "execution", "position", "wallet", "greeks")
TOPICS_LIVE = (*TOPICS, "execution.fast", "dcp.future", "dcp.spot", "dcp.option")


class Offer(Struct, frozen=True, kw_only=True):
    """What one environment offers.

    trade_socket: whether orders can be sent over a socket.  missing: private routes that do not exist there.
    topics: plain forms of the private topics.
    """

    trade_socket: bool
    missing: frozenset[str]
    topics: tuple[str, ...]


_REAL = Offer(trade_socket=True, missing=frozenset({APPLY_MONEY}), topics=TOPICS_LIVE)
OFFERS: dict[Personality, Offer] = {
    "demo": Offer(
        trade_socket=False,
        missing=frozenset({"/v5/account/fee-rate", "/v5/asset/coin/query-info", "/v5/order/disconnected-cancel-all"}),
        topics=TOPICS,
    ),
    "live": _REAL,
    "testnet": _REAL,
}
