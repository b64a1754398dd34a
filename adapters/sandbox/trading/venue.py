"""The trading venue: accounts with their orders and positions behind Bybit's private routes. No sockets, no clock."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal

from adapters.sandbox.listings import Listing
from adapters.sandbox.refused import Refused
from adapters.sandbox.trading.spec import AccountSpec, Answer, Note, Push


class TradingVenue:
    """Accounts of the sandbox.

    Args:
        listings: instruments by symbol.
        accounts: who trades.
        push: takes the messages of the private topics.
        note: takes the truth, see above.
    """

    def __init__(
        self, listings: Mapping[str, Listing], accounts: Sequence[AccountSpec], *, push: Push, note: Note
    ) -> None:
        self.routes: Collection[tuple[str, str]] = ()

    def topics_read(self, offered: Iterable[str]) -> list[str]:
        """Which of a market's topics `on_frame` needs; their snapshots are to be given first."""
        return []

    def on_frame(self, topic: str, payload: bytes, now_ms: int) -> None:
        """Let a public frame of the market happen, before it is sent to clients. Time never runs back."""

    def advance(self, now_ms: int) -> None:
        """Let time pass: what is under way arrives, funding is settled."""

    def answer(self, uid: str, method: str, path: str, query: Mapping[str, object], now_ms: int) -> Answer:
        """Answer a private route. query: the decoded JSON body of a POST, the parameters of a GET as text.

        Raises:
            Refused: with Bybit's code and message.
        """
        raise Refused(10017, "Route not found.")

    def force_fill(
        self,
        uid: str,
        symbol: str,
        *,
        order_id: str = "",
        order_link_id: str = "",
        qty: Decimal | None = None,
        price: Decimal | None = None,
        now_ms: int,
    ) -> bool:
        """Fill an active order although the market did not; returns whether there was one to fill."""
        return False

    def force_adl(self, uid: str, symbol: str, share: float, now_ms: int) -> None:
        """Close a share of the positions of a symbol by deleveraging, a fraction."""

    def force_funding(self, uid: str, symbol: str, rate: Decimal, now_ms: int) -> None:
        """Settle funding at once on what is held of a symbol. rate: a fraction."""

    def transfer(self, uid: str, amount: Decimal, now_ms: int) -> None:
        """Money into (above zero) or out of an account, USDT; refused (131212) when more than what is available."""

    def forget_closed_orders(self, uid: str) -> None:
        """Let order/realtime lose its closed part, as after a restart of Bybit's service."""
