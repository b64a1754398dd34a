"""The simulated exchange: takes requests, lets them arrive, lets orders meet the market, reports.

A thin orchestrator. What is taken is decided in `constraints`, the life of an order in `life`, who meets which data in
`matcher` and `barpath`, executions in `execution`, money in `account`, funding in `settlement`, protections in
`protector`, liquidations in `liquidator`; time in `agenda` and `wire`. It is deterministic: the same calls give the
same reports.

Assumptions:
- An order arrives after the latencies of the wire and meets the market as it stood then, that is, before the input that
  lets time pass its arrival. Time only moves with inputs.

Known limits: one account; its leverage is the same for every symbol until it is set for one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from math import inf, nextafter

from msgspec import Struct

from adapters.simulated.account import Account
from adapters.simulated.agenda import Agenda, Happening
from adapters.simulated.barpath import BarPath
from adapters.simulated.bookkeeper import Bookkeeper
from adapters.simulated.contract import UNREST, Contract
from adapters.simulated.execution import Execution
from adapters.simulated.interventions import Interventions
from adapters.simulated.latency import make_latency
from adapters.simulated.life import BY_USER, Life
from adapters.simulated.liquidator import Liquidator
from adapters.simulated.matcher import Matcher
from adapters.simulated.pricing import hoped_for
from adapters.simulated.protector import Protector
from adapters.simulated.queue import make_queue
from adapters.simulated.settlement import Settlement
from adapters.simulated.slippage import SlippageModel, make_slippage
from adapters.simulated.trouble import Troubles
from adapters.simulated.wire import Wire
from adapters.simulated.working import Working
from daemon.core.account_events import AccountFact
from daemon.core.events import (
    Bar,
    BookDelta,
    BookDown,
    BookSnapshot,
    Command,
    MarketFact,
    Quote,
    Restarted,
    Ticker,
    Trade,
    TroubleKind,
    VenueTrouble,
)
from daemon.core.market import Market
from daemon.core.orders import Amendment, OrderRequest, TradingStop
from daemon.core.records import OrderStatus
from daemon.core.units import to_decimal
from daemon.core.venue import (
    ExchangeSettings,
    FillData,
    OrderReport,
    RefusalReport,
    Report,
    TransferReport,
)

NOTHING: tuple[Report, ...] = ()

# Facts that concern a position without orders by nothing but the mark price they leave behind.
AT_MARK = frozenset({Trade, Quote, BookSnapshot, BookDelta, BookDown})


class SimulatedExchange:
    """One account at a simulated exchange. Implements `daemon.core.venue.Exchange`.

    Args:
        settings: fees, latencies, fill data and the models of queue and slippage.
        balance: opening balance, USDT.
        leverage: leverage set on every symbol, a factor of at least 1.
        hedge: hedge mode, a long and a short position of each symbol; lanes trade in one-way mode.
        slippage: a model of your own in place of the one that the settings describe.

    account: its books, to be read.  interventions: what neither market nor orders do to it.
    """

    def __init__(
        self,
        settings: ExchangeSettings,
        *,
        balance: Decimal,
        leverage: Decimal,
        hedge: bool = False,
        slippage: SlippageModel | None = None,
    ) -> None:
        self.next_due = 0
        self.agrees = True
        self.account = Account(leverage=leverage, taker_fee=settings.taker_fee, mode=settings.margin_mode, hedge=hedge)
        self._agenda = agenda = Agenda()
        self._troubles = Troubles()
        self._wire = wire = _make_wire(settings, agenda, self._troubles)
        self._books = books = Bookkeeper(settings, self.account, agenda, wire)
        self._life = life = Life(self.account, wire, move_price_to_limit=settings.move_price_to_limit)
        self._protector = protector = Protector(life, self.account, wire)
        self._settlement = settlement = Settlement(self.account, agenda, wire)
        execution = Execution(
            settings=settings,
            account=self.account,
            wire=wire,
            life=life,
            protector=protector,
            settlement=settlement,
            books=books,
        )
        self._matcher = matcher = Matcher(
            fill_data=settings.fill_data,
            life=life,
            execution=execution,
            protector=protector,
            queue=make_queue(settings.queue),
            slippage=make_slippage(settings) if slippage is None else slippage,
        )
        self._contracts: dict[str, Contract] = {}
        self._busy: dict[str, Contract] = {}
        self._settled = 0
        self._liquidator = Liquidator(
            contracts=self._contracts,
            account=self.account,
            wire=wire,
            life=life,
            matcher=matcher,
            execution=execution,
            books=books,
        )
        self.interventions = Interventions(
            contracts=self._contracts,
            account=self.account,
            wire=wire,
            execution=execution,
            settlement=settlement,
            books=books,
            settle_down=self._settle_down,
        )
        share = to_decimal(settings.volume_share)
        self._barpath = BarPath(life, matcher, protector, self._liquidator, volume_share=share)
        self.account.transfer(balance)
        agenda.add(0, TransferReport(balance, "opening balance"))

    # Requests

    def submit(self, request: OrderRequest, market: Market, now: int) -> Sequence[Report]:
        """Take an order; it arrives after the latencies of the wire."""
        order = Working(request, market, request.qty, now, reference=hoped_for(market, request.side))
        self._send(
            request.symbol,
            now,
            partial(self._arrive, order),
            lambda reason: OrderReport(request.order_id, OrderStatus.REJECTED, reason),
        )
        return self.advance(now)

    def amend(self, amendment: Amendment, now: int) -> Sequence[Report]:
        """Take a change of an order; it travels like an order."""
        symbol = self._symbol_of(amendment.order_id)
        self._send(
            symbol,
            now,
            partial(self._amend, amendment),
            lambda reason: RefusalReport("amend", amendment.order_id, symbol, reason),
        )
        return self.advance(now)

    def cancel(self, order_id: str, now: int) -> Sequence[Report]:
        """Take a cancel request; it travels like an order."""
        symbol = self._symbol_of(order_id)
        self._send(
            symbol,
            now,
            partial(self._cancel, order_id),
            lambda reason: RefusalReport("cancel", order_id, symbol, reason),
        )
        return self.advance(now)

    def cancel_all(self, symbol: str, now: int) -> Sequence[Report]:
        """Take a request to cancel every order of a symbol, or of the account when it is empty; it travels too."""
        self._send(
            symbol,
            now,
            partial(self._cancel_all, symbol),
            lambda reason: RefusalReport("cancel all", "", symbol, reason),
        )
        return self.advance(now)

    def protect(self, stop: TradingStop, market: Market, now: int) -> Sequence[Report]:
        """Take a request to set the protection of a position; it travels like an order."""
        self._send(
            stop.symbol,
            now,
            partial(self._protect, stop, market),
            lambda reason: RefusalReport("trading stop", "", stop.symbol, reason, stop.decision),
        )
        return self.advance(now)

    def trouble(self, trouble: VenueTrouble, now: int) -> Sequence[Report]:
        """Suffer scripted trouble from here on."""
        if trouble.kind is TroubleKind.ADL:
            contract = self._contracts.get(trouble.symbol)
            if contract is not None:
                self._liquidator.deleverage(contract, trouble.share, now)
                self._settle_down(contract, now)
        else:
            self._troubles.suffer(trouble, now)
            self._agenda.hold_back(self._troubles.told_from(now))
        return self.advance(now)

    def prove(self, now: int) -> Sequence[Report]:
        """What a simulated exchange has told is what it holds."""
        del now
        return NOTHING

    def hear(self, fact: AccountFact | Restarted | Command, now: int) -> Sequence[Report]:
        """No venue says anything about a simulated account; the daemon's restarts and commands are none of its own."""
        del fact, now
        return NOTHING

    # Time and market

    def advance(self, now: int) -> Sequence[Report]:
        """Let everything happen that is due by `now`, in order of time, then of sending; returns what is heard."""
        reports: list[Report] = []
        agenda = self._agenda
        while agenda.next_due <= now:
            due, item = agenda.pop()
            if isinstance(item, Struct):
                reports.append(item)
            else:
                item(due)
        self.next_due = agenda.next_due
        return reports

    def on_market(self, market: Market, fact: MarketFact, now: int) -> Sequence[Report]:
        """Match, trigger and liquidate on the symbol by what just happened."""
        contract = self._busy.get(market.symbol)
        if contract is None:
            return NOTHING
        low, high = contract.calm
        if low < market.mark < high and contract.instrument is market.instrument:
            if type(fact) in AT_MARK:
                return NOTHING
            if isinstance(fact, Bar):
                if low < fact.low and fact.high < high:
                    return NOTHING
            elif not now < market.next_funding < contract.boundary:
                return NOTHING
        self._react(contract, fact, now)
        agenda = self._agenda
        if agenda.next_due <= now:
            return self.advance(now)
        self.next_due = agenda.next_due
        return NOTHING

    def _react(self, contract: Contract, fact: MarketFact, now: int) -> None:
        market = contract.market
        if not isinstance(fact, Bar):
            if isinstance(fact, BookDelta | BookSnapshot):
                contract.consumption.refresh(fact)
            self._matcher.on_fact(contract, fact, now)
        elif self._matcher.data(market) is FillData.BARS:
            self._barpath.walk(contract, fact)
        if contract.untriggered:
            self._matcher.fire(contract, now)
        self._liquidator.review(contract, now)
        if isinstance(fact, Ticker):
            self._settlement.schedule(contract, now)
        if not self._is_settled(contract):
            self._settle_down(contract, now)

    def _is_settled(self, contract: Contract) -> bool:
        """Whether a look at a contract with open orders would find what the last one found; what happens is told."""
        return self._settled == self._agenda.added and self._books.only_at_executions and contract.is_busy()

    def _settle_down(self, contract: Contract, now: int) -> None:
        """What is looked at after anything happened on a contract."""
        self._books.review(now)
        self._settled = self._agenda.added
        contract.instrument = contract.market.instrument
        if contract.is_busy():
            contract.calm = UNREST
            self._busy[contract.symbol] = contract
        elif self.account.legs_of(contract.symbol):
            at_executions = self._books.only_at_executions
            contract.calm = self._liquidator.calm(contract) if at_executions else _standstill(contract.market.mark)
            self._busy[contract.symbol] = contract
        else:
            self._busy.pop(contract.symbol, None)

    def open_orders(self) -> list[Working]:
        """Orders that are open at the exchange, by symbol, active ones first."""
        return [order for contract in self._contracts.values() for order in contract.orders()]

    # Arrivals

    def _arrive(self, order: Working, now: int) -> None:
        contract = self._contract(order.market)
        if self._life.accept(order, contract, now):
            self._matcher.judge(order, contract, now)
        self._matcher.fire(contract, now)
        self._settle_down(contract, now)

    def _amend(self, amendment: Amendment, now: int) -> None:
        contract, order = self._find(amendment.order_id)
        if contract is None or order is None:
            self._life.refuse("amend", amendment.order_id, now)
            return
        if self._life.amend(order, amendment, contract, now):
            self._matcher.judge(order, contract, now)
        self._matcher.fire(contract, now)
        self._settle_down(contract, now)

    def _cancel(self, order_id: str, now: int) -> None:
        contract, order = self._find(order_id)
        if contract is None or order is None:
            self._life.refuse("cancel", order_id, now)
        else:
            self._life.end(order, contract, now, BY_USER)

    def _cancel_all(self, symbol: str, now: int) -> None:
        for contract in self._contracts.values():
            if symbol in ("", contract.symbol):
                for order in list(contract.orders()):
                    if contract.find(order.id) is order:
                        self._life.end(order, contract, now, BY_USER)

    def _protect(self, stop: TradingStop, market: Market, now: int) -> None:
        contract = self._contract(market)
        self._protector.protect(stop, contract, now)
        self._matcher.fire(contract, now)
        self._settle_down(contract, now)

    # Details

    def _send(self, symbol: str, now: int, arrive: Happening, refusal: Callable[[str], Report]) -> None:
        """Put a request on its way, unless trouble has other plans for it."""
        fate = self._troubles.on_request(symbol, now)
        self._wire.hide_until(fate.hidden_until)
        if fate.refused is None:
            self._wire.send(now, arrive)
        elif fate.known_at is None:
            self._wire.tell(now, refusal(fate.refused))
        else:
            self._agenda.add(fate.known_at, refusal(fate.refused))

    def _contract(self, market: Market) -> Contract:
        contract = self._contracts.get(market.symbol)
        if contract is None:
            contract = self._contracts[market.symbol] = Contract(market)
        return contract

    def _find(self, order_id: str) -> tuple[Contract, Working] | tuple[None, None]:
        """An open order with its contract."""
        for contract in self._contracts.values():
            order = contract.find(order_id)
            if order is not None:
                return contract, order
        return None, None

    def _symbol_of(self, order_id: str) -> str:
        contract, _ = self._find(order_id)
        return "" if contract is None else contract.symbol


def _make_wire(settings: ExchangeSettings, agenda: Agenda, troubles: Troubles) -> Wire:
    seed = settings.seed
    return Wire(
        agenda,
        troubles,
        entry=make_latency(settings.entry_latency_ms, settings.entry_latency_samples_ms, seed, "entry"),
        feed=make_latency(settings.feed_latency_ms, settings.feed_latency_samples_ms, seed, "feed"),
        response=make_latency(settings.response_latency_ms, settings.response_latency_samples_ms, seed, "response"),
    )


def _standstill(mark: float) -> tuple[float, float]:
    """Bounds that hold while the mark price stays where it is."""
    return nextafter(mark, 0.0), nextafter(mark, inf)
