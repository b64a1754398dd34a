"""The blotter: books what the exchanges report, in orders, positions and money, and writes the lines that say so."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import assert_never

from msgspec.structs import astuple

from daemon.core.allotment import allot, allot_any
from daemon.core.errors import InvariantBroken
from daemon.core.events import Side
from daemon.core.halts import halt, lift
from daemon.core.lane import Lane, Runner
from daemon.core.ledger import apply_fill
from daemon.core.orders import OrderState, add_fill, advance, replace_request
from daemon.core.records import (
    AccountLine,
    CreateType,
    FillLine,
    FundingLine,
    LiquidationLine,
    OrderLine,
    OrderStatus,
    RefusalLine,
    TransferLine,
)
from daemon.core.turn import Turn
from daemon.core.units import ZERO
from daemon.core.venue import (
    AccountReport,
    AdoptionReport,
    AmendReport,
    FillReport,
    FundingReport,
    GateReport,
    GrantReport,
    LiquidationReport,
    MismatchReport,
    OrderReport,
    PlacedReport,
    ReconcileReport,
    RefusalReport,
    RemoteReport,
    Report,
    SendReport,
    StopReport,
    TrackReport,
    TransferReport,
)
from daemon.core.venue_records import AdoptionLine, MismatchLine, ReconcileLine, SendLine, TrackLine

# What is asked for besides orders, in the words of a refusal.
CANCEL, AMEND, PROTECT = "cancel", "amend", "trading stop"
OPENS = frozenset({CreateType.USER, CreateType.OTHER})  # without a strategy: done at the venue by hand, or by others
CANCELLED_BY_US = "CancelByUser"  # Bybit v5 docs, "Enums Definitions", cancelType


class Blotter:
    """Orders, fills and money of all lanes, as their exchanges tell them."""

    __slots__ = ("_turn",)

    def __init__(self, turn: Turn) -> None:
        self._turn = turn

    def absorb(self, lane: Lane, reports: Sequence[Report]) -> None:
        """Book what an exchange reported.

        Raises:
            InvariantBroken: it cannot be true. What was booked before it stays booked.
        """
        for report in reports:
            match report:
                case FillReport():
                    self._fill(lane, report)
                case OrderReport():
                    self._advance(lane, report)
                case PlacedReport():
                    self._placed(lane, report)
                case AmendReport():
                    self._amended(lane, report)
                case RefusalReport():
                    self._refused(lane, report)
                case FundingReport():
                    self._funding(lane, report)
                case LiquidationReport():
                    self._liquidation(lane, report)
                case AccountReport():
                    self._account(lane, report)
                case StopReport():
                    halt(self._turn, lane, "account", f"{report.code}: {report.evidence}")
                case TransferReport():
                    self._transfer(lane, report)
                case _:
                    self._absorb_remote(lane, report)

    # Orders

    def add(self, lane: Lane, order: OrderState) -> None:
        """Take on an order of ours and write its first line."""
        lane.add_order(order)
        self._order_line(lane, order, "")

    def _placed(self, lane: Lane, report: PlacedReport) -> None:
        order = OrderState(report.request, report.status)
        lane.add_order(order)
        lane.grant(PROTECT, report.request.symbol, report.request.decision)
        self._moved(lane, order, report.reason)

    def _advance(self, lane: Lane, report: OrderReport) -> None:
        order, _ = _find(lane, report.order_id)
        advance(order, report.status)
        self._moved(lane, order, report.reason)

    def _moved(self, lane: Lane, order: OrderState, reason: str) -> None:
        lane.sort_order(order)
        if order.status is OrderStatus.CANCELLED and reason == CANCELLED_BY_US:
            lane.answer(CANCEL, order.request.order_id)
        self._order_line(lane, order, reason)

    def _amended(self, lane: Lane, report: AmendReport) -> None:
        """A change without a reason, or to the total that we asked for, answers our amendment."""
        order, _ = _find(lane, report.request.order_id)
        ours = not report.reason or report.request.qty == order.asked_qty
        replace_request(order, report.request, ours=ours)
        lane.grant(PROTECT, report.request.symbol, report.request.decision)
        if ours:
            lane.answer(AMEND, report.request.order_id)
        self._order_line(lane, order, report.reason)

    def _refused(self, lane: Lane, report: RefusalReport) -> None:
        """The order may be done already: a cancel that comes too late is refused."""
        order, _ = lane.orders.get(report.order_id, (None, None))
        if order is not None and report.what == AMEND:
            order.asked_qty = None
        elif order is not None and report.what == CANCEL:
            order.cancelling = False
        asked = lane.answer(report.what, report.order_id or report.symbol)
        decision = report.decision or asked
        turn = self._turn
        turn.seq += 1
        if turn.emit is not None:
            about = (report.symbol, report.order_id, report.what, report.reason)
            turn.emit(RefusalLine(turn.seq, turn.cause, turn.now, lane.name, decision, *about))

    def _order_line(self, lane: Lane, order: OrderState, reason: str) -> None:
        turn = self._turn
        turn.seq += 1
        if turn.emit is None:
            return
        request = order.request
        turn.emit(
            OrderLine(
                turn.seq,
                turn.cause,
                turn.now,
                lane.name,
                request.order_id,
                request.decision,
                request.symbol,
                request.side,
                request.type,
                request.time_in_force,
                request.qty,
                request.price,
                request.reduce_only,
                order.status,
                order.filled_qty,
                reason,
                request.trigger_price,
                request.stop_order_type,
                request.create_type,
            )
        )

    # Fills

    def _fill(self, lane: Lane, report: FillReport) -> None:
        order, runner = _find(lane, report.order_id)
        symbol = report.symbol
        if symbol != order.request.symbol or report.side is not order.request.side:
            raise InvariantBroken(f"order {report.order_id}: fill of {report.side} {symbol} is not its own")
        add_fill(order, report.qty)
        if runner is None:
            # Over a network the end of a position may be heard of before what opened it.
            _share_out(lane, report, opens=bool(lane.account) or order.request.create_type in OPENS)
        else:
            apply_fill(runner.position, report.side, report.price, report.qty)
        realised = lane.ledger.fill(symbol, report.side, report.price, report.qty, report.fee)
        lane.ledger.check()
        lane.check_positions(symbol)
        lane.note_position(lane.market(symbol))
        self._fill_line(lane, order, report, realised)
        self._moved(lane, order, "")

    def _fill_line(self, lane: Lane, order: OrderState, report: FillReport, realised: Decimal) -> None:
        turn = self._turn
        turn.seq += 1
        if turn.emit is None:
            return
        turn.emit(
            FillLine(
                turn.seq,
                turn.cause,
                turn.now,
                lane.name,
                report.order_id,
                order.request.decision,
                report.fill_id,
                report.symbol,
                report.side,
                report.price,
                report.qty,
                report.fee,
                report.maker,
                realised,
                lane.ledger.position(report.symbol).qty,
                lane.ledger.cash,
                report.exec_type,
                report.slippage,
            )
        )

    # Money

    def _transfer(self, lane: Lane, report: TransferReport) -> None:
        opening = not lane.ledger.transfers
        lane.ledger.transfer(report.amount)
        if opening and lane.day_equity is not None:
            lane.day_equity = lane.equity()  # the day's loss counts from what the account came with
        turn = self._turn
        turn.seq += 1
        if turn.emit is not None:
            cash = lane.ledger.cash
            turn.emit(TransferLine(turn.seq, turn.cause, turn.now, lane.name, report.amount, cash, report.reason))

    def _funding(self, lane: Lane, report: FundingReport) -> None:
        lane.ledger.charge(report.fee)
        lane.ledger.check()
        turn = self._turn
        turn.seq += 1
        if turn.emit is not None:
            settled = (*astuple(report), lane.ledger.cash)
            turn.emit(FundingLine(turn.seq, turn.cause, turn.now, lane.name, *settled))

    def _liquidation(self, lane: Lane, report: LiquidationReport) -> None:
        turn = self._turn
        turn.seq += 1
        if turn.emit is not None:
            turn.emit(LiquidationLine(turn.seq, turn.cause, turn.now, lane.name, *astuple(report)))

    def _account(self, lane: Lane, report: AccountReport) -> None:
        turn = self._turn
        turn.seq += 1
        if turn.emit is not None:
            turn.emit(AccountLine(turn.seq, turn.cause, turn.now, lane.name, *astuple(report)))

    # A venue reached over a network

    def _absorb_remote(self, lane: Lane, report: RemoteReport) -> None:
        match report:
            case GrantReport():
                lane.answer(report.what, report.about)
            case GateReport():
                (halt if report.shut else lift)(self._turn, lane, report.who, report.reason, report.symbol)
            case SendReport():
                self._send(lane, report)
            case TrackReport() | ReconcileReport() | MismatchReport():
                self._note(lane, report)
            case AdoptionReport():
                self._adopt(lane, report)
            case _:
                assert_never(report)

    def _send(self, lane: Lane, report: SendReport) -> None:
        turn, request = self._turn, report.request
        turn.seq += 1
        if turn.emit is None:
            return
        call = request.call
        turn.emit(
            SendLine(
                turn.seq,
                turn.cause,
                turn.now,
                lane.name,
                request.id,
                request.op,
                request.order_id,
                request.link_id,
                request.symbol,
                call.method,
                call.path,
                call.text,
                request.deadline,
            )
        )

    def _note(self, lane: Lane, report: TrackReport | ReconcileReport | MismatchReport) -> None:
        turn = self._turn
        turn.seq += 1
        if turn.emit is not None:
            turn.emit(_NOTES[type(report)](turn.seq, turn.cause, turn.now, lane.name, *astuple(report)))

    def _adopt(self, lane: Lane, report: AdoptionReport) -> None:
        symbol, ledger, before = report.symbol, lane.ledger, lane.equity()
        _share_out(lane, report, opens=True)
        ledger.fill(symbol, report.side, report.price, report.qty, ZERO)
        ledger.check()
        lane.check_positions(symbol)
        lane.note_position(lane.market(symbol))
        if lane.day_equity is not None:
            lane.day_equity += lane.equity() - before  # open profit that came with it is none of this day
        turn = self._turn
        turn.seq += 1
        if turn.emit is not None:
            change = (symbol, report.side, report.qty, report.price, report.reason)
            held = ledger.position(symbol).qty
            turn.emit(AdoptionLine(turn.seq, turn.cause, turn.now, lane.name, *change, held, ledger.cash))


_NOTES: dict[type[TrackReport | ReconcileReport | MismatchReport], type[TrackLine | ReconcileLine | MismatchLine]] = {
    TrackReport: TrackLine,
    ReconcileReport: ReconcileLine,
    MismatchReport: MismatchLine,
}


def _share_out(lane: Lane, report: FillReport | AdoptionReport, *, opens: bool) -> None:
    """Change the positions of the strategies by a fill on the account's whole position.

    opens: whether it may enlarge the position, as what a person does by hand can; what an exchange does never.
    """
    runners = lane.runners_on(report.symbol)
    instrument = lane.market(report.symbol).instrument
    if instrument is None:
        raise InvariantBroken(f"{report.symbol} was executed, but its instrument is not known")
    change = report.qty if report.side is Side.BUY else report.qty.copy_negate()
    held = [runner.position.qty for runner in runners]
    parts = (allot_any if opens else allot)(held, change, instrument.step)
    for runner, part in zip(runners, parts, strict=True):
        if part:
            apply_fill(runner.position, Side.BUY if part > 0 else Side.SELL, report.price, part.copy_abs())


def _find(lane: Lane, order: str) -> tuple[OrderState, Runner | None]:
    found = lane.orders.get(order)
    if found is None:
        raise InvariantBroken(f"lane {lane.name}: the exchange reports on {order}, which is not open")
    return found
