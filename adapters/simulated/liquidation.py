"""Liquidation: which positions have to go, and how far, step by step.

Its one job: to say what happens next. Pure: the account is read, the exchange carries the steps out.

    isolated:  margin left (initial + added + unrealised) <= maintenance margin, by the mark price, each leg for itself
    cross:     equity <= maintenance margin of all legs

A position above its lowest risk tier is first reduced to the limit of the next lower one, by an order that takes what
the book offers but nothing worse than the bankruptcy price; then the account is looked at again. What is still in
danger is taken over: closed at its bankruptcy price, whatever the book says; the difference is the insurance fund's.
Sources: Bybit help centre, "Trading Rules: Liquidation Process (UTA)", "Maintenance Margin (USDT Contract)",
"Insurance Fund".

Assumptions:
- A takeover in isolated margin costs exactly the initial and the added margin. The price is the bankruptcy price on a
  grid of a millionth of a tick; the fee is the taker fee there, but for the rest that makes the sum exact.
- Cross margin: first the leg with the largest maintenance margin among those above their lowest tier is reduced. Then
  all legs are taken over together, each at the mark price less (a short: plus) its share, by maintenance margin, of the
  equity, closing fee included, so that the wallet ends at zero, also when a gap has left the equity below zero.

Known limits: Bybit cancels orders and closes hedged quantity before it reduces in cross margin, and its order of steps
there is described in words only. The insurance fund and its exhaustion are not modelled: a deleveraging is a step that
somebody else decides on, at the mark price.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from msgspec import Struct

from adapters.simulated import margin
from adapters.simulated.account import Account
from adapters.simulated.leg import Leg
from adapters.simulated.margin import ONE
from daemon.core.events import RiskTier, Side
from daemon.core.market import Market
from daemon.core.units import ZERO, add, divide, floor_qty, multiply, round_to_grid, subtract, to_cash

REDUCE = "reduce"
TAKEOVER = "takeover"
ADL = "adl"
FINEST = Decimal("0.000001")
DEFAULT_TICK = Decimal("0.01")


class Step(Struct, frozen=True):
    """What happens to a leg next.

    kind: REDUCE, TAKEOVER or ADL.  side, qty: of the position, and how much of it goes, base units above zero.
    price: at which a takeover is booked, or the worst at which a reduction may fill.  fee: of a takeover, USDT.
    The others are its evidence, as in `daemon.core.records.LiquidationLine`: margin balance and maintenance margin are
    the leg's in isolated margin, the account's in cross margin, before the step.
    """

    kind: str
    leg: Leg
    side: Side
    qty: Decimal
    price: Decimal
    fee: Decimal
    mark: Decimal
    liquidation_price: Decimal | None
    bankruptcy_price: Decimal
    margin_balance: Decimal
    maintenance_margin: Decimal


def endangered(account: Account, market: Market) -> list[Leg]:
    """The legs to liquidate, worst first: of that symbol (isolated), or all there are (cross). Exact."""
    if account.isolated:
        return [leg for leg in account.legs_of(market.symbol) if account.in_danger(leg)]
    legs = account.legs()
    if not legs or not account.in_danger(legs[0]):
        return []
    return sorted(legs, key=account.maintenance_margin_of, reverse=True)


def next_steps(account: Account, leg: Leg, *, may_reduce: bool = True) -> list[Step]:
    """What happens next to a leg in danger; nothing when it is out of it.

    Either one reduction, to be tried in the market, or the takeovers: of this leg (isolated) or of all legs (cross),
    to be booked all of them in their order. may_reduce: False when a reduction found nobody to trade with.
    """
    if not account.in_danger(leg):
        return []
    if may_reduce:
        for candidate in _candidates(account, leg):
            qty = _above_tier(candidate)
            if qty:
                return [_reduction(account, candidate, qty)]
    return [_isolated_takeover(account, leg)] if account.isolated else _cross_takeovers(account)


def deleveraging(account: Account, leg: Leg, qty: Decimal) -> Step:
    """The step that closes `qty` base units of a leg at mark by deleveraging."""
    return _step(account, leg, ADL, qty=qty, price=leg.mark(), fee=ZERO, broken=_bankruptcy_price(account, leg))


def spare(account: Account) -> Decimal:
    """Equity above the maintenance margin, USDT; the account is liquidated in cross margin where there is none."""
    return subtract(account.equity(), account.maintenance_margin())


def liquidation_price(account: Account, leg: Leg, over: Decimal | None = None) -> Decimal | None:
    """Mark price at which a leg is liquidated, USDT, None when flat or when no price above zero does it.

    The first one on the tick grid. In cross margin an estimate: the price of this symbol alone that uses the account
    up, all other prices staying; over: `spare` of the account, for who asks about many legs.
    """
    if account.isolated or not leg.position.qty:
        return leg.liquidation_price
    legs = account.legs_of(leg.symbol)
    others = spare(account) if over is None else over
    for each in legs:
        others = add(subtract(others, each.unrealised()), account.maintenance_margin_of(each))
    price: Decimal = leg.mark()
    found: Decimal | None = None
    for _ in range(len(leg.tiers) + 1):  # Newton's method, as in adapters.simulated.margin
        tiers = [_tier_at(each, price) for each in legs]
        found = _root(account, legs, tiers, others)
        if found is None or [_tier_at(each, found) for each in legs] == tiers:
            break
        price = found
    return None if found is None else leg.first_tick(found, falling=found < leg.mark())


def _root(account: Account, legs: Sequence[Leg], tiers: list[RiskTier], others: Decimal) -> Decimal | None:
    """Price at which equity equals maintenance margin within these tiers; others: what the other symbols leave over."""
    slope, rest = ZERO, others
    for leg, tier in zip(legs, tiers, strict=True):
        rate = add(
            tier.maintenance_rate,
            margin.fee_to_close(leg.side, ONE, leverage=leg.leverage, taker_fee=account.taker_fee),
        )
        slope = add(slope, subtract(leg.position.qty, multiply(leg.qty, rate)))
        rest = add(rest, subtract(tier.deduction, leg.position.entry_value))
    price = divide(rest, slope).copy_negate() if slope else ZERO
    return to_cash(price) if price > 0 else None


def _tier_at(leg: Leg, price: Decimal) -> RiskTier:
    return margin.tier_of(leg.tiers, multiply(leg.qty, price))


def _candidates(account: Account, leg: Leg) -> list[Leg]:
    """Whom a reduction may concern, largest maintenance margin first."""
    if account.isolated:
        return [leg]
    return sorted(account.legs(), key=account.maintenance_margin_of, reverse=True)


def _above_tier(leg: Leg) -> Decimal:
    """How much a leg must shrink to fall into the next lower risk tier, base units; nothing in the lowest one."""
    index = margin.tier_index(leg.tiers, leg.value())
    if not index:
        return ZERO
    step = leg.qty if leg.instrument is None else leg.instrument.step
    return subtract(leg.qty, floor_qty(divide(leg.tiers[index - 1].limit, leg.mark()), step))


def _reduction(account: Account, leg: Leg, qty: Decimal) -> Step:
    worst = _bankruptcy_price(account, leg)
    rounding = ROUND_CEILING if leg.side is Side.BUY else ROUND_FLOOR
    price = max(_tick(leg), round_to_grid(worst, _tick(leg), rounding))
    return _step(account, leg, REDUCE, qty=qty, price=price, fee=ZERO, broken=worst)


def _isolated_takeover(account: Account, leg: Leg) -> Step:
    price = _on_fine_grid(leg, _bankruptcy_price(account, leg))
    lost = add(leg.initial_margin, leg.added)
    fee = add(lost, _realised(leg, price))
    return _step(account, leg, TAKEOVER, qty=leg.qty, price=price, fee=fee, broken=price)


def _cross_takeovers(account: Account) -> list[Step]:
    steps = []
    for leg, share in _shares(account):
        price = _on_fine_grid(leg, _price_at_loss(account, leg, share))
        fee = add(subtract(_realised(leg, price), leg.unrealised()), share)
        steps.append(_step(account, leg, TAKEOVER, qty=leg.qty, price=price, fee=fee, broken=price))
    return steps


def _shares(account: Account) -> list[tuple[Leg, Decimal]]:
    """The equity divided over all legs by maintenance margin, USDT; the last one takes what rounding leaves."""
    legs = account.legs()
    left, total = account.equity(), account.maintenance_margin()
    shares = []
    for leg in legs[:-1]:
        share = to_cash(divide(multiply(account.equity(), account.maintenance_margin_of(leg)), total))
        left = subtract(left, share)
        shares.append((leg, share))
    return [*shares, (legs[-1], left)]


def _bankruptcy_price(account: Account, leg: Leg) -> Decimal:
    if account.isolated:
        return to_cash(divide(account.bankruptcy_value_of(leg), leg.qty))
    return next(_price_at_loss(account, each, share) for each, share in _shares(account) if each is leg)


def _price_at_loss(account: Account, leg: Leg, loss: Decimal) -> Decimal:
    """Price at which closing a leg, fee included, costs `loss` USDT against the mark."""
    signed = margin.sign(leg.side)
    value = subtract(leg.value(), multiply(signed, loss))
    factor = subtract(ONE, multiply(signed, account.taker_fee))
    return to_cash(divide(value, multiply(leg.qty, factor)))


def _realised(leg: Leg, price: Decimal) -> Decimal:
    return subtract(multiply(leg.position.qty, price), leg.position.entry_value)


def _on_fine_grid(leg: Leg, price: Decimal) -> Decimal:
    grid = multiply(_tick(leg), FINEST)
    return max(grid, round_to_grid(price, grid, ROUND_HALF_EVEN))


def _tick(leg: Leg) -> Decimal:
    return DEFAULT_TICK if leg.instrument is None else leg.instrument.tick


def _step(
    account: Account, leg: Leg, kind: str, *, qty: Decimal, price: Decimal, fee: Decimal, broken: Decimal
) -> Step:
    return Step(
        kind=kind,
        leg=leg,
        side=leg.side,
        qty=qty,
        price=price,
        fee=fee,
        mark=leg.mark(),
        liquidation_price=leg.liquidation_price,
        bankruptcy_price=broken,
        margin_balance=account.margin_of(leg) if account.isolated else account.equity(),
        maintenance_margin=account.maintenance_margin_of(leg) if account.isolated else account.maintenance_margin(),
    )
