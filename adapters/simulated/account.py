"""Account: the exchange's own books. Ledger, margin of positions, reservations of orders, what is free.

Its one job: to know at any time what every USDT of the account is bound to, and to refuse what is not there.

    isolated:  available = wallet balance - initial and added margin of positions - order margin
    cross:     available = wallet balance + unrealised PnL - initial margin at mark - order margin

Sources: Bybit help centre, "The New Margin Calculation: Adjustments and Implications", "Order Cost (USDT Contract)",
"Trading Rules: Liquidation Process (UTA)", "How to increase/decrease position margin".

Assumptions:
- Isolated margin: an open profit is not spendable, an open loss reduces nothing but the position's own margin.
- Open orders bind the cost of the part that would enlarge the position. What the orders of one side
  reduce together is taken from each in proportion, see `adapters.simulated.reservations`.
- Margin added by hand leaves a partly closed position in proportion and returns at a change of leverage.
- Funding is taken from what is available, then from the position's margin.
- The leverage is set per symbol, equal for both directions.

Known limits:
- What is available can fall below zero: a fill at a worse price than was reserved, a short opened at a better (higher)
  one, a position closed by a reduce-only order that other orders counted on to reduce, and in cross margin any move of
  the mark. The account goes on, new orders find no money, and `adapters.simulated.stops` says so.
- Margin mode and position mode are of the whole account; Bybit has the position mode per symbol.
- No auto-add margin, no borrowing, no other collateral than USDT.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from adapters.simulated import margin
from adapters.simulated.audit import Audit
from adapters.simulated.leg import Leg, leg_key
from adapters.simulated.reservations import Reservations
from adapters.simulated.totals import Totals
from adapters.simulated.working import Working
from daemon.core.errors import InvariantBroken
from daemon.core.events import Side
from daemon.core.ledger import Ledger
from daemon.core.market import Market
from daemon.core.orders import PositionIdx
from daemon.core.units import ZERO, add, divide, multiply, subtract, to_cash
from daemon.core.venue import MarginMode


class Account:
    """One account at the exchange.

    mode: margin mode.  isolated: whether each position stands for itself.  hedge: whether a symbol has a long and a
    short leg.  leverage: of symbols that have none set.
    Money moves through the account only: it keeps sums of its own to hold the ledger against.
    """

    def __init__(self, *, leverage: Decimal, taker_fee: Decimal, mode: MarginMode, hedge: bool = False) -> None:
        self.ledger = Ledger()
        self.mode = mode
        self.isolated = mode is MarginMode.ISOLATED
        self.hedge = hedge
        self.taker_fee = taker_fee
        self._leverage = leverage
        self._leverages: dict[str, Decimal] = {}
        self._legs: dict[str, Leg] = {}
        self._held: dict[str, list[Leg]] = {}
        self.reservations = Reservations()
        self.audit = Audit()
        self._bound = ZERO
        self._free = 0.0
        self._free_of = (ZERO, ZERO, ZERO)
        self._totals = Totals(self.legs)

    # Positions

    def leg(self, symbol: str, idx: PositionIdx, market: Market) -> Leg:
        """A position with its margin, made flat when it is asked for the first time."""
        key = leg_key(symbol, idx)
        found = self._legs.get(key)
        if found is None:
            leverage = self.leverage_of(symbol)
            found = self._legs[key] = Leg(idx, market, self.ledger.position(key), leverage, self.taker_fee)
            found.isolated = self.isolated
        return found

    def legs(self) -> list[Leg]:
        """All legs that hold a position, symbols in the order in which they were opened."""
        return [leg for legs in self._held.values() for leg in legs]

    def legs_of(self, symbol: str) -> Sequence[Leg]:
        """Those of one symbol."""
        return self._held.get(symbol, ())

    def legs_made(self, symbol: str) -> list[Leg]:
        """All legs of a symbol that were ever asked for, flat ones too."""
        return [leg for leg in self._legs.values() if leg.symbol == symbol]

    def held(self, symbol: str, idx: PositionIdx) -> Decimal:
        """Signed quantity of a position, base units."""
        leg = self._legs.get(leg_key(symbol, idx))
        return ZERO if leg is None else leg.position.qty

    def reducible(self, symbol: str, idx: PositionIdx, side: Side) -> Decimal:
        """What orders of `side` may reduce of a position, base units."""
        leg = self._legs.get(leg_key(symbol, idx))
        return ZERO if leg is None else leg.reducible(side)

    def leverage_of(self, symbol: str) -> Decimal:
        """The leverage set for a symbol, a factor."""
        return self._leverages.get(symbol, self._leverage)

    # Money

    def equity(self) -> Decimal:
        """Wallet balance and unrealised PnL at mark, USDT."""
        total = self.ledger.cash
        for leg in self.legs():
            total = add(total, leg.unrealised())
        return total

    def margin_balance(self) -> Decimal:
        """What stands behind the positions, USDT: the equity in cross margin, the wallet balance in isolated margin."""
        return self.ledger.cash if self.isolated else self.equity()

    def available(self) -> Decimal:
        """Free for a new order, USDT. May be below zero, see the known limits above."""
        if self.isolated:
            return subtract(subtract(self.ledger.cash, self._bound), self.reservations.total)
        return subtract(subtract(self.equity(), self.initial_margin()), self.reservations.total)

    def order_margin(self) -> Decimal:
        """Bound by open orders, USDT."""
        return self.reservations.total

    def initial_margin(self) -> Decimal:
        """Bound by positions, USDT, added margin included."""
        if self.isolated:
            return self._bound
        total = ZERO
        for leg in self.legs():
            total = add(total, self.initial_margin_of(leg))
        return total

    def maintenance_margin(self) -> Decimal:
        """Needed by all positions, USDT."""
        total = ZERO
        for leg in self.legs():
            total = add(total, self.maintenance_margin_of(leg))
        return total

    def initial_margin_of(self, leg: Leg) -> Decimal:
        """Bound by one position, USDT, added margin not included: on its entry (isolated) or at mark (cross)."""
        if self.isolated:
            return leg.initial_margin
        return margin.initial_margin(leg.side, leg.value(), leverage=leg.leverage, taker_fee=self.taker_fee)

    def maintenance_margin_of(self, leg: Leg) -> Decimal:
        """Needed by one position, USDT."""
        value = leg.value()
        if self.isolated:
            fee = multiply(self.bankruptcy_value_of(leg), self.taker_fee)
        else:
            fee = margin.fee_to_close(leg.side, value, leverage=leg.leverage, taker_fee=self.taker_fee)
        return margin.maintenance_margin(value, margin.tier_of(leg.tiers, value), fee)

    def bankruptcy_value_of(self, leg: Leg) -> Decimal:
        """Value of an isolated position at its bankruptcy price, USDT."""
        return margin.bankruptcy_value(
            leg.side, leg.entry_value(), leverage=leg.leverage, added=leg.added, taker_fee=self.taker_fee
        )

    def margin_of(self, leg: Leg) -> Decimal:
        """What is left of the margin of an isolated position at mark, USDT."""
        return add(add(leg.initial_margin, leg.added), leg.unrealised())

    def equity_estimate(self) -> float:
        """The equity in float64, at the mark prices last seen by `at_risk`; right within `slack`."""
        return self.ledger.cash_float + self._totals.pnl

    def available_estimate(self) -> float:
        """What is available in float64, likewise."""
        if self.isolated:
            return self._free_float()
        return self.equity_estimate() - self._totals.bound - float(self.reservations.total)

    def _free_float(self) -> float:
        """What is available in isolated margin, worked out when one of its parts was replaced."""
        cash, bound, ordered = self.ledger.cash, self._bound, self.reservations.total
        if cash is not self._free_of[0] or bound is not self._free_of[1] or ordered is not self._free_of[2]:
            self._free_of = (cash, bound, ordered)
            self._free = float(subtract(subtract(cash, bound), ordered))
        return self._free

    def slack(self) -> float:
        """How far the estimates may be off, USDT."""
        return self._totals.slack(self.ledger.cash_float)

    # Orders

    def reserve(self, order: Working) -> bool:
        """Bind the cost of what remains of an order at its price, anew when it is bound already.

        Returns False, and leaves everything as it was, when that costs more than before and more than is available.
        Reduce-only and untriggered orders bind nothing and always fit.
        """
        leg = self._leg_of(order)
        self.audit.note_change(leg)
        return self.reservations.bind(order, leg, self._fits)

    def release(self, order: Working) -> None:
        """Free what an order has bound, if anything."""
        self.reservations.free(order)

    def _leg_of(self, order: Working) -> Leg:
        request = order.request
        return self.leg(request.symbol, request.position_idx, order.market)

    def _fits(self, cost: Decimal) -> bool:
        if cost <= 0:
            return True
        if not self.isolated and float(cost) + self.slack() < self.available_estimate():
            return True
        return cost <= self.available()

    # Movements

    def transfer(self, amount: Decimal) -> None:
        """Money into (above zero) or out of the account, USDT."""
        self.ledger.transfer(amount)

    def fill(self, order: Working, price: Decimal, qty: Decimal, fee: Decimal) -> Decimal:
        """Book an execution of an order; returns the PnL it realised, without its fee, USDT.

        Frees the part of the order's reservation that it fills.

        Raises:
            InvariantBroken: it would close more of a hedged position than there is.
        """
        self.reservations.fill(order, qty)
        return self._book(self._leg_of(order), order.side, price, qty, fee)

    def take_over(self, leg: Leg, price: Decimal, qty: Decimal, fee: Decimal) -> Decimal:
        """Book an execution that closes `qty` base units of a leg without an order; returns the PnL realised."""
        return self._book(leg, Side.SELL if leg.side is Side.BUY else Side.BUY, price, qty, fee)

    def settle(self, leg: Leg, fee: Decimal) -> None:
        """Book a funding fee of a leg, USDT, above zero when paid: from what is available, then from its margin."""
        self.ledger.charge(fee)
        if not self.isolated:
            return
        lacking = min(fee, self.available().copy_negate())
        if lacking > 0:
            self.set_added(leg, subtract(leg.added, lacking))

    def _book(self, leg: Leg, side: Side, price: Decimal, qty: Decimal, fee: Decimal) -> Decimal:
        position = leg.position
        if leg.closes(side) and qty > leg.qty:
            raise InvariantBroken(f"{side} {qty} {leg.key} closes more of a hedged position than {leg.qty}")
        before, entry = position.qty, position.entry_value
        signed = qty if side is Side.BUY else qty.copy_negate()
        realised = self.ledger.fill(leg.key, side, price, qty, fee)
        self.audit.note_fill(leg, signed, price, entry)
        self._hold(leg, before)
        return realised

    def _hold(self, leg: Leg, before: Decimal) -> None:
        """Let margin, order margin and totals follow a position that was `before`, signed base units."""
        after = leg.position.qty
        if leg.added and (not after or (after > 0) != (before > 0)):
            self.set_added(leg, ZERO)
        elif leg.added and after.copy_abs() < before.copy_abs():
            self.set_added(leg, to_cash(divide(multiply(leg.added, after), before)))
        if bool(before) != bool(after):
            self._list(leg)
        self._restate(leg)

    def _list(self, leg: Leg) -> None:
        legs = self._held.setdefault(leg.symbol, [])
        if leg.position.qty:
            legs.append(leg)
            return
        legs.remove(leg)
        self._totals.drop(leg)
        if not legs:
            del self._held[leg.symbol]
        if not self._held:
            self._totals.sum_anew()

    def change_leverage(self, symbol: str, leverage: Decimal) -> None:
        """Set the leverage of a symbol; margin added to its positions returns. See `account_settings.set_leverage`."""
        self._leverages[symbol] = leverage
        for leg in self.legs_made(symbol):
            leg.leverage = leverage
            self.set_added(leg, ZERO)
            self._restate(leg)

    def change_mode(self, mode: MarginMode) -> None:
        """Set the margin mode; margin added to positions returns. See `account_settings.set_margin_mode`."""
        self.mode = mode
        self.isolated = mode is MarginMode.ISOLATED
        for leg in self._legs.values():
            self.set_added(leg, ZERO)
            self._restate(leg)
        self._totals.sum_anew()

    def _restate(self, leg: Leg) -> None:
        """Let the account's sums follow a leg whose position, leverage or margin mode changed."""
        leg.isolated = self.isolated
        margin_bound = ZERO
        if leg.position.qty and leg.isolated:
            margin_bound = margin.initial_margin(
                leg.side, leg.entry_value(), leverage=leg.leverage, taker_fee=self.taker_fee
            )
        self._bound = add(self._bound, subtract(margin_bound, leg.initial_margin))
        leg.initial_margin = margin_bound
        leg.restate()
        if leg.position.qty:
            self._totals.follow(leg)
        self.reservations.charge(leg)
        self.audit.note_change(leg)

    def set_added(self, leg: Leg, amount: Decimal) -> None:
        """Let the margin added to a leg be `amount` USDT, at the cost of what is available."""
        self._bound = add(self._bound, subtract(amount, leg.added))
        leg.added = amount
        leg.restate()
        self.audit.note_change(leg)

    # Danger

    def at_risk(self, market: Market) -> bool:
        """Whether a liquidation may be due, by the mark price of one symbol; when this says no, none is.

        To be asked after every fact of a symbol, for the estimates follow its mark price here. Costs as much as the
        symbol has legs, however many positions the account holds.
        """
        legs = self._held.get(market.symbol)
        if legs is None:
            return False
        mark, risky = market.mark, False
        for leg in legs:
            if leg.instrument is not market.instrument:
                leg.renew()
                self._totals.follow(leg)
            elif leg.seen.mark != mark:
                self._totals.follow(leg)
            if leg.isolated and leg.endangered(mark):
                risky = True
        if self.isolated:
            return risky
        return self.equity_estimate() - self._totals.need <= self.slack()

    def in_danger(self, leg: Leg) -> bool:
        """Whether a leg must be liquidated, exactly: its own margin (isolated) or the account's (cross) is used up."""
        if self.isolated:
            return bool(leg.position.qty) and self.margin_of(leg) <= self.maintenance_margin_of(leg)
        return bool(self._held) and self.equity() <= self.maintenance_margin()

    def check(self) -> None:
        """Check the books, see `adapters.simulated.audit`.

        Raises:
            InvariantBroken: with the numbers that do not add up.
        """
        self.audit.check(self.ledger, self.reservations, self._legs.values(), self._bound)

    def check_all(self) -> None:
        """Recompute every sum from its parts; raises like `check`."""
        self.audit.check_all(self.ledger, self.reservations, self._legs.values(), self._bound)
