"""The fault plan: which requests, pushes and streams meet which trouble, and what happens to accounts by itself.

A plan is a TOML, YAML or JSON file, or these structs. `[public]` holds the frames of the market (`faults.Faults`), the
other tables what an account's client sees. Each rule has a `when` and at least one thing to do:

    [[requests]]
    name = "every third create is taken, its answer lost"
    when = { route = "/v5/order/create", every = 3 }
    lose = { accepted = true, how = "reset" }

Durations that a client feels (`*_ms` of delays) are real; `*_s` are market seconds since the market's start.
docs/sandbox.md explains every key.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from adapters.sandbox.faults import Faults
from adapters.sandbox.gateway.accounts import read_table
from daemon.config import decode

Ms = Annotated[int, Meta(ge=0, le=86_400_000)]
Seconds = Annotated[float, Meta(ge=0)]
Place = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(ge=0, le=1)]
Ended = Annotated[int, Meta(ge=0, le=4999)]
UNSENDABLE = frozenset({1005, 1006, 1015})  # RFC 6455, 7.4.1: what an endpoint notes for itself and never sends


class When(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which of many a rule means; everything given must hold, and nothing given means all.

    route: REST path with `*` for anything; a request on the order socket goes by the path it stands for.  via: which
    way it came.  topic: of a push, `*` for anything.  op: of a stream's frame.  uid, symbol: as they say.
    status: orderStatus or execType of any item of a push.
    nth: which of those that match, counted from 1.  every: each n-th of them.  count: at most so many times.
    probability: of each, drawn by the plan's seed.  from_s, until_s: market seconds since the start, the end excluded.
    """

    route: str = "*"
    via: Literal["any", "rest", "trade"] = "any"
    topic: str = "*"
    op: str = "*"
    uid: str = ""
    symbol: str = ""
    status: str = ""
    nth: tuple[Place, ...] = ()
    every: Place = 1
    count: Place | None = None
    probability: Share = 1.0
    from_s: Seconds = 0.0
    until_s: Seconds | None = None

    def __post_init__(self) -> None:
        if self.until_s is not None and self.until_s <= self.from_s:
            raise ValueError(f"until_s: {self.until_s} is not after from_s = {self.from_s}")
        if self.nth and self.every != 1:
            raise ValueError("every: give either nth or every")


ALWAYS = When()
OF_REQUESTS, OF_PUSHES, OF_STREAMS = (
    ("topic", "op", "status"),
    ("route", "via", "op"),
    ("via", "topic", "symbol", "status"),
)
"""What does not apply to requests, pushes and streams: a rule that asks for it would never fire."""


class Lose(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The answer is lost. accepted: whether the request was carried out.  how: "reset" cuts, "silence" just waits."""

    accepted: bool
    how: Literal["reset", "silence"] = "reset"


class Forged(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An answer that the exchange's front makes up.

    accepted: whether the request was carried out nevertheless.  http: status.  code, message: retCode, as number or as
    text, and retMsg.  body: the whole body instead, such as HTML, half a JSON or nothing.
    """

    accepted: bool = False
    http: Annotated[int, Meta(ge=200, le=599)] = 200
    code: int | str | None = None
    message: str = ""
    body: str | None = None

    def __post_init__(self) -> None:
        if (self.code is None) == (self.body is None):
            raise ValueError("code: give either a code or a body")


class RequestFault(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Trouble of a request.

    lose, answer: see there.  delay_ms: the answer goes out later.  repeat: how many times more it is carried out; the
    first outcome is answered.  hide_ms: rows made or changed within the last so many milliseconds of market time are
    missing from a list.  lie: a list is empty, or its positions are flat.  headers: of the answer, in place of its own;
    an empty text takes one away.
    """

    name: str = ""
    when: When = ALWAYS
    lose: Lose | None = None
    answer: Forged | None = None
    delay_ms: Ms = 0
    repeat: Annotated[int, Meta(ge=0, le=100)] = 0
    hide_ms: Ms = 0
    lie: Literal["", "empty", "flat"] = ""
    headers: dict[str, str] = {}

    def __post_init__(self) -> None:
        _check_when(self.when, OF_REQUESTS)
        does = (self.lose, self.answer, self.delay_ms, self.repeat, self.hide_ms, self.lie, self.headers)
        if not any(does):
            raise ValueError("when: this rule does nothing; give lose, answer, delay_ms, repeat, hide_ms or the like")
        if self.lose and self.answer:
            raise ValueError("answer: an answer that is lost cannot say anything; give lose or answer")


class PushFault(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Trouble of a push to one private stream.

    drop: it is not sent.  copies: it is sent so many times more.  delay_ms: later.  garbage: a text that is no JSON
    goes before it.  fields: values of its items are replaced, such as { orderStatus = "Teleported" }.
    echo: another push follows it, with these values replaced: what Bybit does when a cancel comes too late.
    text: it is sent in place of the push, whatever it is.
    permute: the next pushes are collected and sent in this order, each a place counted from 0.  shuffle: so many are
    collected and sent in an order drawn by the seed.  hold_ms: real time after which an incomplete collection goes out.
    close: the stream ends after it with this code; 0 cuts it.  silent: the stream stays open and says nothing any more.
    """

    name: str = ""
    when: When = ALWAYS
    drop: bool = False
    copies: Annotated[int, Meta(ge=0, le=100)] = 0
    delay_ms: Ms = 0
    garbage: bool = False
    fields: dict[str, str | int | bool] = {}
    echo: dict[str, str | int | bool] = {}
    text: str | None = None
    permute: tuple[Annotated[int, Meta(ge=0)], ...] = ()
    shuffle: Annotated[int, Meta(ge=0, le=1000)] = 0
    hold_ms: Ms = 1000
    close: Ended | None = None
    silent: bool = False

    def __post_init__(self) -> None:
        _check_when(self.when, OF_PUSHES)
        _check_close(self.close)
        if sorted(self.permute) != list(range(len(self.permute))):
            raise ValueError(f"permute: {list(self.permute)} is no order of 0 to {max(0, len(self.permute) - 1)}")
        if self.permute and self.shuffle:
            raise ValueError("shuffle: give either permute or shuffle")
        does = (self.drop, self.copies, self.delay_ms, self.garbage, self.fields, self.echo, self.permute, self.shuffle)
        if not (any(does) or self.text is not None or self.close is not None or self.silent):
            raise ValueError("when: this rule does nothing; give drop, copies, delay_ms, garbage, fields or the like")


class StreamFault(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Trouble of the conversation on a private stream; `when.op` is connect, auth, subscribe, ping and so on.

    refuse: a connect is answered with this HTTP status, anything else is refused.  delay_ms: the answer comes later.
    swallow: there is no answer; `effect` says whether what was asked for happens.  close: as of a push.
    """

    name: str = ""
    when: When = ALWAYS
    refuse: Annotated[int, Meta(ge=400, le=99_999)] | None = None
    delay_ms: Ms = 0
    swallow: bool = False
    effect: bool = True
    close: Ended | None = None

    def __post_init__(self) -> None:
        _check_when(self.when, OF_STREAMS)
        _check_close(self.close)
        if self.refuse is None and not self.delay_ms and not self.swallow and self.close is None:
            raise ValueError("when: this rule does nothing; give refuse, delay_ms, swallow or close")


class Skew(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The exchange's clock is wrong for a while. skew_ms: added to what it says and judges by."""

    skew_ms: int
    from_s: Seconds = 0.0
    until_s: Seconds | None = None


class Maintenance(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The exchange is down for work: requests answer 10016, streams are closed and refused, the status says so."""

    from_s: Seconds
    until_s: Seconds
    title: str = "System maintenance"
    close_streams: bool = True

    def __post_init__(self) -> None:
        if self.until_s <= self.from_s:
            raise ValueError(f"until_s: {self.until_s} is not after from_s = {self.from_s}")


class FillByHand(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An order fills although the market did not. qty, price: all of it and its own price when left out."""

    symbol: str
    order_link_id: str = ""
    order_id: str = ""
    qty: Decimal | None = None
    price: Decimal | None = None

    def __post_init__(self) -> None:
        for name, amount in (("qty", self.qty), ("price", self.price)):
            if amount is not None and not (amount.is_finite() and amount > 0):
                raise ValueError(f"{name}: {amount} is not above zero")


class Deleverage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """ADL closes a share of a symbol's positions, a fraction."""

    symbol: str
    share: Annotated[float, Meta(gt=0, le=1)] = 1.0


class FundingByHand(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Funding is settled at once. rate: a fraction; above zero longs pay."""

    symbol: str
    rate: Decimal

    def __post_init__(self) -> None:
        if not (self.rate.is_finite() and abs(self.rate) <= 1):
            raise ValueError(f"rate: {self.rate} is no fraction between -1 and 1")


class RequestByHand(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The owner does something in the app: a POST with this body, such as an order. No rule touches it."""

    path: str
    body: dict[str, str | int | bool]


class Disconnect(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Private streams of the account end. code: 0 cuts without a goodbye.  silent: they stay open and say nothing."""

    code: Ended = 0
    silent: bool = False

    def __post_init__(self) -> None:
        _check_close(self.code)


class Event(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that happens to an account at a market time, seconds since the start; exactly one thing.

    transfer: USDT into (above zero) or out of the account.  forget: closed orders leave order/realtime.
    """

    at_s: Seconds
    uid: str
    name: str = ""
    fill: FillByHand | None = None
    adl: Deleverage | None = None
    funding: FundingByHand | None = None
    transfer: Decimal | None = None
    request: RequestByHand | None = None
    disconnect: Disconnect | None = None
    forget: bool = False

    def __post_init__(self) -> None:
        if self.transfer is not None and not self.transfer.is_finite():
            raise ValueError(f"transfer: {self.transfer} is no amount")
        given = [self.fill, self.adl, self.funding, self.transfer, self.request, self.disconnect]
        if sum(one is not None for one in given) + self.forget != 1:
            raise ValueError("at_s: give exactly one of fill, adl, funding, transfer, request, disconnect, forget")


class Plan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole plan; empty means no trouble. seed: of everything that is drawn."""

    seed: int = 0
    public: Faults = Faults()
    requests: tuple[RequestFault, ...] = ()
    pushes: tuple[PushFault, ...] = ()
    streams: tuple[StreamFault, ...] = ()
    clock: tuple[Skew, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()
    events: tuple[Event, ...] = ()


def _check_close(code: int | None) -> None:
    if code in UNSENDABLE or (code is not None and 0 < code < 1000):
        raise ValueError(f"close: {code} cannot be sent; 0 cuts without a goodbye")


def _check_when(when: When, foreign: tuple[str, ...]) -> None:
    for name in foreign:
        if getattr(when, name) != getattr(ALWAYS, name):
            raise ValueError(f"when: {name} does not apply here, the rule would never fire")


def load_plan(path: Path) -> Plan:
    """Read a fault plan.

    Raises:
        ConfigError: it cannot be read, or is wrong; the message names the file and the path of the key.
    """
    return decode(read_table(path), Plan, name=str(path))
