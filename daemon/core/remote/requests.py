"""Requests to a venue: complete, before anybody signs or sends them.

The text of a request is decided here, inside the pure step, so that the send record in the decision stream is what
goes over the wire. How a venue words its requests is a `Dialect`; Bybit's is `adapters.bybit.dialect`.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from daemon.core.account_events import ACTS, Op
from daemon.core.orders import Amendment, OrderRequest, TradingStop
from daemon.core.units import NEVER


class Call(Struct, frozen=True):
    """An HTTP request without its signature. text: the body of a POST, the query string of a GET, exactly as sent."""

    method: str
    path: str
    text: str


class Request(Struct, frozen=True, kw_only=True):
    """A call with its place in our books.

    id: a pure function of the stream, unique in a lineage.  order_id: ours, of the order it is about.
    deadline: when it is not to be sent any more, nanoseconds UTC of the input's clock.
    urgent: it takes risk away, and may use the quota that is kept for such requests.
    """

    id: str
    account: str
    op: Op
    call: Call
    order_id: str = ""
    link_id: str = ""
    symbol: str = ""
    deadline: int = NEVER
    urgent: bool = False

    @property
    def acts(self) -> bool:
        """Whether it changes something at the venue, so that its record must be durable before it leaves."""
        return self.op in ACTS


class Dialect(Protocol):
    """How a venue words requests. Pure: the same arguments give the same text. Times are nanoseconds UTC."""

    def create(self, request: OrderRequest, link_id: str) -> Call:
        """A new order under our own id."""
        ...

    def amend(self, amendment: Amendment, symbol: str, link_id: str) -> Call:
        """A change of an open order of ours."""
        ...

    def cancel(self, symbol: str, *, link_id: str = "", venue_id: str = "") -> Call:
        """A cancel, by our id or by the venue's."""
        ...

    def cancel_all(self, symbol: str) -> Call:
        """A cancel of every order of a symbol, conditional ones too."""
        ...

    def protect(self, stop: TradingStop) -> Call:
        """The protection of a position."""
        ...

    def set_leverage(self, symbol: str, leverage: str) -> Call:
        """The leverage of a symbol, a factor as text."""
        ...

    def open_orders(self, cursor: str) -> Call:
        """A page of all open orders."""
        ...

    def order(self, symbol: str, link_id: str, venue_id: str = "") -> Call:
        """An order, open or closed lately, by our id, or by the venue's where we gave none."""
        ...

    def order_history(self, symbol: str, link_id: str, venue_id: str = "") -> Call:
        """An order among the closed ones, by either id."""
        ...

    def order_executions(self, symbol: str, link_id: str, cursor: str, venue_id: str = "") -> Call:
        """A page of the executions of an order, by either id."""
        ...

    def executions(self, start: int, end: int, cursor: str) -> Call:
        """A page of all executions in a window of at most seven days."""
        ...

    def positions(self, symbol: str) -> Call:
        """The position of a symbol, also when it is flat."""
        ...

    def wallet(self) -> Call:
        """The money of the account."""
        ...

    def account(self) -> Call:
        """How the account is set."""
        ...
