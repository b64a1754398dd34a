"""Private frames and answers of one account into facts: the parser that a live run and its replay share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import TypeAlias

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from adapters.bybit.account_wire import (
    CoinRow,
    ExecutionRow,
    OrderRow,
    PositionRow,
    Push,
    decode_account,
    decode_coin,
    decode_execution,
    decode_order,
    decode_page,
    decode_position,
    decode_push,
    decode_wallet,
    number,
    optional,
    price_or_none,
    symbol_of,
    time_ns,
    time_or_zero,
    unsigned,
    whole,
)
from adapters.bybit.dialect import CATEGORY, SETTLE_COIN
from adapters.bybit.outcomes import Envelope, answer_time, judge, read_envelope
from daemon.core.account_events import (
    ACTS,
    FUNDING,
    AccountSeen,
    Answered,
    Executed,
    Op,
    OrderSeen,
    Origin,
    Outcome,
    OutcomeKind,
    PositionSeen,
    Row,
    StreamState,
    Unreadable,
    WalletSeen,
)
from daemon.core.errors import FrameError
from daemon.core.events import Fact, Link, Quarantined
from daemon.core.units import ZERO

SOURCE_PREFIX = "private."
REASON_CHARACTERS_MAX = 200
_UNREADABLE = (msgspec.MsgspecError, FrameError, UnicodeDecodeError, UnicodeEncodeError, RecursionError)
_CURSOR = re.compile(r"[A-Za-z0-9%._~:,;@!$*()/+=-]{0,1024}", re.ASCII)
_DIRECTIONS = {"Buy": 1, "Sell": -1}


class _Context(msgspec.Struct, frozen=True):
    """Where rows were read. ts: the venue's time of saying so, 0 when unknown."""

    account: str
    origin: Origin
    request: str
    ts: int


_ReadRow: TypeAlias = Callable[[Raw, _Context], Iterable[Row]]


class AccountDecoder:
    """Implements `daemon.ports.Decoder` for the private stream of one account and the answers to its requests.

    A pure function of what it was given, without a memory: replay runs it anew over journaled frames and bodies. A row
    that cannot be read is told (`Unreadable`) and hides no other; nothing is raised.

    Args:
        account: its name in the configuration; the stream's source is `private.<account>`.
    """

    def __init__(self, account: str) -> None:
        self.account = account
        self.source = f"{SOURCE_PREFIX}{account}"

    def decode(self, frame: bytes, ts_recv: int, source: str) -> Sequence[Fact]:  # noqa: ARG002 - part of the port
        """Read one frame; acks and pongs yield nothing."""
        try:
            push = decode_push(frame)
            if push.is_control:
                return ()
            return self._read_push(push)
        except _UNREADABLE as error:
            return self._quarantine("", _reason(error), "")

    def observe(self, fact: Fact) -> Sequence[Fact]:
        """The state of the stream from its link; the rows and the outcome of an answer."""
        match fact:
            case Link(source=self.source):
                return (StreamState(self.account, fact.up, fact.reason),)
            case Answered(account=self.account):
                return self._read_answer(fact)
        return ()

    def _read_push(self, push: Push) -> list[Fact]:
        topic = push.topic or ""
        kind, _, category = topic.partition(".")
        read = _STREAM_ROWS.get(kind)
        if read is None or category not in {"", CATEGORY}:
            reason = f"unknown topic {topic[:60]!r}" if topic else "neither data of a topic nor an answer"
            return [*self._quarantine(topic[:60], reason, "")]
        if push.data is None:
            return [*self._quarantine(topic, "no data", "")]
        context = _Context(self.account, Origin.STREAM, "", time_or_zero(push.creation_time, "creationTime"))
        facts: list[Fact] = []
        for raw in push.data:
            try:
                facts += read(raw, context)
            except _UNREADABLE as error:
                facts += self._quarantine(topic, _reason(error), symbol_of(raw))
        return facts

    def _quarantine(self, topic: str, reason: str, symbol: str) -> tuple[Fact, Fact]:
        return Quarantined(self.source, reason, symbol), Unreadable(self.account, topic, reason, symbol)

    def _read_answer(self, answered: Answered) -> list[Fact]:
        envelope = read_envelope(answered)
        outcome = judge(answered, envelope)
        if envelope is None or outcome.kind is not OutcomeKind.ACCEPTED or answered.op in ACTS:
            return [outcome]
        try:
            return self._read_rows(answered, envelope, outcome)
        except _UNREADABLE as error:
            return [self._doubt(outcome, _reason(error))]

    def _read_rows(self, answered: Answered, envelope: Envelope, outcome: Outcome) -> list[Fact]:
        """The rows of a page. An answer that could be read in part only is no answer: its outcome is unknown."""
        rows, cursor = _page(answered.op, envelope)
        read = _ANSWER_ROWS[answered.op]
        context = _Context(self.account, Origin.QUERY, answered.request, answer_time(envelope))
        facts: list[Fact] = []
        read_count = unread = 0
        for raw in rows:
            try:
                seen = tuple(read(raw, context))
            except _UNREADABLE as error:
                unread += 1
                facts.append(Unreadable(self.account, "", _reason(error), symbol_of(raw)))
            else:
                read_count += len(seen)
                facts += seen
        if unread:
            outcome = self._doubt(outcome, f"{unread} of {len(rows)} rows cannot be read")
        return [*facts, replace(outcome, cursor=cursor, rows=read_count)]

    def _doubt(self, outcome: Outcome, reason: str) -> Outcome:
        return replace(outcome, kind=OutcomeKind.UNKNOWN, reason=reason)


def _page(op: Op, envelope: Envelope) -> tuple[list[Raw], str]:
    """The rows of an answer, and where the next page begins."""
    if op is Op.ACCOUNT:
        return [envelope.result], ""
    page = decode_page(envelope.result)
    if not _is_ours(page.category):
        raise FrameError(f"an answer about {page.category} to a question about {CATEGORY}")
    cursor = page.next_page_cursor or ""
    if not _CURSOR.fullmatch(cursor):
        raise FrameError(f"a cursor that cannot stand in a query: {cursor[:40]!r}")
    return page.rows, cursor


def _read_order(raw: Raw, context: _Context) -> Iterable[Row]:
    row = decode_order(raw)
    return (_order_seen(row, context),) if _is_ours(row.category) else ()


def _order_seen(row: OrderRow, context: _Context) -> OrderSeen:
    return OrderSeen(
        account=context.account,
        origin=context.origin,
        link_id=row.order_link_id or "",
        venue_id=row.order_id,
        symbol=row.symbol,
        side=_side(row.side),
        type=row.order_type,
        status=row.order_status,
        qty=unsigned(row.qty, "qty"),
        filled=unsigned(row.cum_exec_qty, "cumExecQty"),
        updated=time_ns(row.updated_time, "updatedTime"),
        price=price_or_none(row.price, "price"),
        time_in_force=row.time_in_force or "",
        reduce_only=bool(row.reduce_only),
        close_on_trigger=bool(row.close_on_trigger),
        position_idx=whole(row.position_idx, "positionIdx"),
        reject_reason=row.reject_reason or "",
        cancel_type=row.cancel_type or "",
        create_type=row.create_type or "",
        stop_order_type=row.stop_order_type or "",
        trigger_price=price_or_none(row.trigger_price, "triggerPrice"),
        trigger_by=row.trigger_by or "",
        trigger_direction=whole(row.trigger_direction, "triggerDirection"),
        created=time_or_zero(row.created_time, "createdTime"),
        request=context.request,
    )


def _read_execution(raw: Raw, context: _Context) -> Iterable[Row]:
    row = decode_execution(raw)
    return (_executed(row, context),) if _is_ours(row.category) else ()


def _executed(row: ExecutionRow, context: _Context) -> Executed:
    return Executed(
        account=context.account,
        origin=context.origin,
        exec_id=row.exec_id,
        link_id=row.order_link_id or "",
        venue_id=row.order_id,
        symbol=row.symbol,
        side=row.side if row.exec_type == FUNDING else _side(row.side),
        price=unsigned(row.exec_price, "execPrice"),
        qty=unsigned(row.exec_qty, "execQty"),
        fee=number(row.exec_fee, "execFee"),
        maker=bool(row.is_maker),
        exec_type=row.exec_type,
        ts=time_ns(row.exec_time, "execTime"),
        create_type=row.create_type or "",
        stop_order_type=row.stop_order_type or "",
        order_type=row.order_type or "",
        order_qty=optional(row.order_qty, "orderQty"),
        fee_rate=optional(row.fee_rate, "feeRate"),
        mark=price_or_none(row.mark_price, "markPrice"),
        request=context.request,
    )


def _read_position(raw: Raw, context: _Context) -> Iterable[Row]:
    row = decode_position(raw)
    return (_position_seen(row, context),) if _is_ours(row.category) else ()


def _position_seen(row: PositionRow, context: _Context) -> PositionSeen:
    entry = row.avg_price if row.entry_price is None else row.entry_price
    return PositionSeen(
        account=context.account,
        origin=context.origin,
        symbol=row.symbol,
        idx=whole(row.position_idx, "positionIdx"),
        qty=_signed(row),
        entry=optional(entry, "entryPrice") or ZERO,
        leverage=optional(row.leverage, "leverage") or ZERO,
        take_profit=optional(row.take_profit, "takeProfit") or ZERO,
        stop_loss=optional(row.stop_loss, "stopLoss") or ZERO,
        trailing_stop=optional(row.trailing_stop, "trailingStop") or ZERO,
        updated=time_or_zero(row.updated_time, "updatedTime"),
        liquidation_price=price_or_none(row.liq_price, "liqPrice"),
        mark=price_or_none(row.mark_price, "markPrice"),
        status=row.position_status or "",
        request=context.request,
    )


def _side(word: str) -> str:
    """A side that money depends on is not guessed."""
    if word not in _DIRECTIONS:
        raise FrameError(f"a side that is neither Buy nor Sell: {word!r}")
    return word


def _signed(row: PositionRow) -> Decimal:
    size = unsigned(row.size, "size")
    if not size:
        return ZERO
    direction = _DIRECTIONS.get(row.side or "")
    if direction is None:
        raise FrameError(f"a position of {size} on side {row.side!r}")
    return size if direction > 0 else size.copy_negate()


def _read_wallet(raw: Raw, context: _Context) -> Iterable[Row]:
    """The wallet in our coin; a frame that does not name it says nothing about it."""
    coins = [decode_coin(coin) for coin in decode_wallet(raw).coin]
    return [_wallet_seen(coin, context) for coin in coins if coin.coin == SETTLE_COIN]


def _wallet_seen(coin: CoinRow, context: _Context) -> WalletSeen:
    return WalletSeen(
        account=context.account,
        origin=context.origin,
        balance=number(coin.wallet_balance, "walletBalance"),
        equity=number(coin.equity, "equity"),
        order_margin=optional(coin.order_margin, "totalOrderIM"),
        position_margin=optional(coin.position_margin, "totalPositionIM"),
        maintenance_margin=optional(coin.maintenance_margin, "totalPositionMM"),
        updated=context.ts,
        request=context.request,
    )


def _read_account(raw: Raw, context: _Context) -> Iterable[Row]:
    row = decode_account(raw)
    updated = time_or_zero(row.updated_time, "updatedTime")
    return (
        AccountSeen(account=context.account, margin_mode=row.margin_mode, updated=updated, request=context.request),
    )


def _is_ours(category: str | None) -> bool:
    """Whether a row is of linear contracts; one that names no category is, because nothing else was asked for."""
    return category in {None, "", CATEGORY}


def _reason(error: Exception) -> str:
    text = error.message if isinstance(error, FrameError) else str(error)
    return text[:REASON_CHARACTERS_MAX]


_STREAM_ROWS: dict[str, _ReadRow] = {
    "order": _read_order,
    "execution": _read_execution,
    "position": _read_position,
    "wallet": _read_wallet,
}
_ANSWER_ROWS: dict[Op, _ReadRow] = {
    Op.OPEN_ORDERS: _read_order,
    Op.ORDER: _read_order,
    Op.ORDER_HISTORY: _read_order,
    Op.ORDER_EXECUTIONS: _read_execution,
    Op.EXECUTIONS: _read_execution,
    Op.POSITIONS: _read_position,
    Op.WALLET: _read_wallet,
    Op.ACCOUNT: _read_account,
}
