"""The judge: what harm was done, decided from the venue's truth log and from what a bot says it holds.

It shares no code with the product and reads no answer that a bot was given: only what the venue really took, executed
and holds. A bot says what it believes in `Claims`; a `Script` says what its strategy wanted.

    DUPLICATED      more can fill or has filled than was wanted
    LOST            an order is open, or has executed, of which the bot knows nothing
    DECLARED_DEAD   the bot gave up an order that is open or has executed
    FILLS           the executions it booked are not the venue's, each once
    POSITION, CASH  what it holds is not what the venue holds, to the last digit
    ORDERS          the orders that it holds for open are not those that are
    BLIND           new risk was asked for while the stream was down or an outcome unknown
    UNPROTECTED     a position without the stop that was wanted
    STRAY_STOP      a stop is left although the position is flat
    LATE            an order was taken long after it was wanted
    MALFORMED       the venue could not read a request
    STORM           it asked on and on although it was refused
    CRASHED         it died of something that it was told
    NOT_BACK        it is not ready in the end, and does not say why
    UNWANTED        position or open orders are not what the script wanted
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeAlias

from msgspec import Struct

Entry: TypeAlias = dict[str, Any]
ENDED = frozenset({"Filled", "Cancelled", "Rejected", "Deactivated", "PartiallyFilledCanceled"})
ZERO = Decimal(0)
LATE_MS = 8_000
REFUSED_PER_MINUTE = 40
DOUBT_MS, PATIENCE_MS = 6_000, 5_500
NO_ANSWERS = ("lost", "forged", 10000, 10016, 10429)


class Harm(StrEnum):
    """See the module."""

    DUPLICATED = "duplicated"
    LOST = "lost"
    DECLARED_DEAD = "declared dead"
    FILLS = "fills"
    POSITION = "position"
    CASH = "cash"
    ORDERS = "orders"
    BLIND = "blind"
    UNPROTECTED = "unprotected"
    STRAY_STOP = "stray stop"
    LATE = "late"
    MALFORMED = "malformed"
    STORM = "storm"
    CRASHED = "crashed"
    NOT_BACK = "not back"
    UNWANTED = "unwanted"


class Claims(Struct, frozen=True, kw_only=True):
    """What a bot says of itself.

    names: every order that it knows, by any name.  open: of those, the ones it holds for open, as sets of names.
    dead: names of orders that it says ended without a fill.  fills: (execution id, quantity) of each booked.
    halted: reasons for which it takes no new risk, by who says so.  crashed: what it died of.
    """

    ready: bool
    names: frozenset[str]
    open: frozenset[str]
    dead: frozenset[str]
    fills: tuple[tuple[str, Decimal], ...]
    position: Decimal
    cash: Decimal
    halted: dict[str, str]
    crashed: str = ""


class Wish(Struct, frozen=True):
    """Something that the strategy wanted: when (milliseconds UTC), and how much, signed; 0 where it opens nothing."""

    at_ms: int
    qty: Decimal


class Script(Struct, frozen=True, kw_only=True):
    """What was wanted of a bot. position: in the end, None where the story leaves that open.

    rests: how many of its orders are to be open in the end, stops apart; None where the story leaves that open.
    protected: whether a position must have its stop.
    """

    wishes: Sequence[Wish]
    position: Decimal | None
    rests: int | None
    protected: bool


class Order(Struct):
    """An order as the venue has it. by_bot: a request of the bot's made it."""

    order_id: str
    link_id: str
    side: str
    qty: Decimal
    stop: bool
    reduce_only: bool
    create_type: str
    by_bot: bool
    at_ms: int
    status: str = ""
    filled: Decimal = ZERO

    @property
    def is_open(self) -> bool:
        return self.status not in ENDED

    @property
    def effect(self) -> Decimal:
        """What it did or may still do, base units, without a sign."""
        return self.qty if self.is_open else self.filled

    def known(self, names: Iterable[str]) -> bool:
        return self.order_id in names or bool(self.link_id and self.link_id in names)


class Truth:
    """The venue's side of the story, of one account."""

    def __init__(self, entries: Sequence[Entry], uid: str) -> None:
        self.entries = [entry for entry in entries if entry.get("uid", uid) in (uid, "")]
        self.orders: dict[str, Order] = {}
        self.executions: list[Entry] = []
        self.position = self.cash = ZERO
        self._asked: Entry | None = None
        for entry in self.entries:
            self._take(entry)

    def _take(self, entry: Entry) -> None:
        match entry["what"]:
            case "request":
                self._asked = entry
            case "answer":
                self._asked = None
            case "accepted" | "placed":
                self.orders[entry["order_id"]] = self._order(entry)
            case "amended":
                self.orders[entry["order_id"]].qty = Decimal(entry["qty"])
            case "status":
                order = self.orders[entry["order_id"]]
                order.status, order.filled = entry["status"], Decimal(entry["cum_qty"])
            case "execution":
                self.executions.append(entry)
                if entry["exec_type"] != "Funding":
                    self.position += signed(entry["side"], Decimal(entry["qty"]))
            case "wallet":
                self.cash = Decimal(entry["balance"])

    def _order(self, entry: Entry) -> Order:
        return Order(
            entry["order_id"],
            entry["order_link_id"],
            entry["side"],
            Decimal(entry["qty"]),
            bool(entry["trigger_price"]),
            entry["reduce_only"],
            entry["create_type"],
            self._asked is not None and entry["what"] == "accepted",
            entry["ts"],
        )

    def of(self, *what: str) -> list[Entry]:
        return [entry for entry in self.entries if entry["what"] in what]


def signed(side: str, qty: Decimal) -> Decimal:
    return qty if side == "Buy" else -qty


def judge(truth: Truth, script: Script, claims: Claims) -> set[Harm]:
    """Every harm that is found."""
    found = {
        Harm.DUPLICATED: _duplicated(truth, script),
        Harm.LOST: _lost(truth, claims),
        Harm.DECLARED_DEAD: any(order.effect and order.known(claims.dead) for order in truth.orders.values()),
        Harm.FILLS: _fills_differ(truth, claims),
        Harm.POSITION: claims.position != truth.position,
        Harm.CASH: claims.cash != truth.cash,
        Harm.ORDERS: _open_orders_differ(truth, claims),
        Harm.BLIND: _blind(truth),
        Harm.UNPROTECTED: script.protected and bool(truth.position) and not _has_stop(truth),
        Harm.STRAY_STOP: not truth.position and any(o.stop and o.is_open for o in truth.orders.values()),
        Harm.LATE: _late(truth, script),
        Harm.MALFORMED: any(entry["code"] == 10001 for entry in truth.of("refused")),
        Harm.STORM: _storm(truth),
        Harm.CRASHED: bool(claims.crashed),
        Harm.NOT_BACK: not claims.ready and not claims.halted,
        Harm.UNWANTED: _unwanted(truth, script),
    }
    return {harm for harm, there in found.items() if there}


def _unwanted(truth: Truth, script: Script) -> bool:
    resting = sum(order.by_bot and order.is_open and not order.stop for order in truth.orders.values())
    wrong_orders = script.rests is not None and resting != script.rests
    return wrong_orders or (script.position is not None and truth.position != script.position)


def _duplicated(truth: Truth, script: Script) -> bool:
    for side, sign in (("Buy", 1), ("Sell", -1)):
        wanted = sum((wish.qty * sign for wish in script.wishes if wish.qty * sign > 0), ZERO)
        mine = [o for o in truth.orders.values() if o.by_bot and o.side == side and not o.reduce_only and not o.stop]
        if sum((order.effect for order in mine), ZERO) > wanted:
            return True
    return False


def _lost(truth: Truth, claims: Claims) -> bool:
    return any(
        not order.known(claims.names)
        for order in truth.orders.values()
        if order.by_bot and (order.effect or order.stop)
    )


def _fills_differ(truth: Truth, claims: Claims) -> bool:
    trades = [entry for entry in truth.executions if entry["exec_type"] != "Funding"]
    real = Counter((entry["exec_id"], Decimal(entry["qty"])) for entry in trades)
    return real != Counter(claims.fills)


def _open_orders_differ(truth: Truth, claims: Claims) -> bool:
    """The venue's own stops of a position need not be held as orders by a bot that knows their position's stop."""
    real = [order for order in truth.orders.values() if order.is_open]
    unknown = [order for order in real if not order.known(claims.open) and order.create_type == "CreateByUser"]
    names = {name for order in real for name in (order.order_id, order.link_id)}
    return bool(unknown) or any(name not in names for name in claims.open)


def _has_stop(truth: Truth) -> bool:
    """Whether a stop rests that closes the whole position."""
    closing = "Sell" if truth.position > 0 else "Buy"
    stops = [o for o in truth.orders.values() if o.stop and o.is_open and o.side == closing]
    return any(o.create_type == "CreateByStopLoss" or o.qty >= abs(truth.position) for o in stops)


def _late(truth: Truth, script: Script) -> bool:
    opening = [o for o in truth.orders.values() if o.by_bot and not o.reduce_only and not o.stop]
    moments = [wish.at_ms for wish in script.wishes]
    return any(not any(0 <= order.at_ms - at <= LATE_MS for at in moments) for order in opening)


def _storm(truth: Truth) -> bool:
    """Whether it asked on and on although it was refused."""
    times = [entry["ts"] for entry in truth.of("answer") if entry["told"] not in (0, "lost", "forged")]
    return any(later - first < 60_000 for first, later in zip(times, times[REFUSED_PER_MINUTE:], strict=False))


def _blind(truth: Truth) -> bool:
    """Whether a new order that carries risk was asked for while the bot could not know where it stands."""
    connections = 0
    doubts: dict[str, int] = {}
    shown: set[str] = set()
    asked: Entry = {}
    for entry in truth.entries:
        what = entry["what"]
        if what == "stream" and entry["path"] == "/v5/private":
            connections += {"auth": 1, "close": -1}.get(entry["event"], 0)
        elif what == "push" and entry["fate"] == "sent":
            shown |= {truth.orders[name].link_id for name in entry["ids"] if name in truth.orders}
        elif what == "request":
            asked = entry
            unknown = {name for name in doubts if name not in shown and 0 <= entry["ts"] - doubts[name] < DOUBT_MS}
            if _opens(entry) and (not connections or unknown - {entry["order_link_id"]}):
                return True
        elif what == "answer" and asked:
            if _opens(asked) and entry["told"] in NO_ANSWERS:
                # Whoever waits for an answer in vain cannot know that before his patience has ended.
                doubts[asked["order_link_id"]] = entry["ts"] + (PATIENCE_MS if entry["told"] == "lost" else 0)
            elif asked["method"] == "GET" and entry["told"] == 0:
                shown |= {asked["order_link_id"]} if asked["order_link_id"] else set(doubts)
            asked = {}
    return False


def _opens(entry: Entry) -> bool:
    lines = entry["lines"]
    return entry["route"] == "/v5/order/create" and not lines.get("reduceOnly") and "triggerPrice" not in lines
