"""Account settings: leverage, margin mode, position mode and added margin, changed on request.

Its one job: to make a change, or to leave everything as it was and say why not, in the words "CODE: reason". Each
function returns None when the change is made.
Sources: Bybit v5 docs, "Set Leverage", "Set Margin Mode", "Switch Position Mode", "Add Or Reduce Margin"; Bybit help
centre, "How to increase/decrease position margin".

Assumptions:
- A change of leverage sizes the position's margin anew; margin added by hand returns to what is available.
- A change that would leave less than nothing available, or lead to liquidation at once, is refused.
- The margin mode may change while positions are open, if the account can carry it; added margin returns then too.

Known limits: position mode is switched for the whole account; untriggered orders, which the account does not know, are
for the caller to ask for. Which code Bybit gives for too little margin (110044 or 110012) is not documented: 110044.
"""

from __future__ import annotations

from decimal import Decimal

from adapters.simulated import margin
from adapters.simulated.account import Account
from adapters.simulated.leg import Leg
from daemon.core.events import Instrument, Side
from daemon.core.market import Market
from daemon.core.units import add, multiply, on_grid
from daemon.core.venue import MarginMode

MARGIN_GRID = Decimal("0.0001")


def set_leverage(account: Account, market: Market, leverage: Decimal) -> str | None:
    """Set the leverage of a symbol, for both directions."""
    refused = _leverage_refusal(account, market, leverage)
    if refused is not None:
        return refused
    before, free = account.leverage_of(market.symbol), account.available()
    legs = account.legs_made(market.symbol)
    added = [leg.added for leg in legs]
    account.change_leverage(market.symbol, leverage)
    refused = _cannot_carry(account, free)
    if refused is not None:
        account.change_leverage(market.symbol, before)
        for leg, amount in zip(legs, added, strict=True):
            account.set_added(leg, amount)
    return refused


def set_margin_mode(account: Account, mode: MarginMode) -> str | None:
    """Let each position stand for itself, or the account for all of them."""
    if mode is account.mode:
        return f"110026: the margin mode is {mode} already"
    before, legs = account.mode, account.legs()
    added = [leg.added for leg in legs]
    account.change_mode(mode)
    if account.available() < 0 or any(account.in_danger(leg) for leg in legs):
        short = account.available()
        account.change_mode(before)
        for leg, amount in zip(legs, added, strict=True):
            account.set_added(leg, amount)
        return f"3400045: {mode} margin is more than the account can carry, with {short} USDT available"
    return None


def switch_position_mode(account: Account, *, hedge: bool) -> str | None:
    """Choose between one position and a long and a short one for each symbol."""
    if hedge is account.hedge:
        return f"110025: the position mode is {'hedge' if hedge else 'one-way'} already"
    held = account.legs()
    if held:
        return f"110024: {held[0].key} holds {held[0].position.qty}"
    if len(account.reservations):
        return f"110028: {len(account.reservations)} orders are open"
    account.hedge = hedge
    return None


def add_margin(account: Account, leg: Leg, amount: Decimal) -> str | None:
    """Add margin to an isolated position, USDT, or take it back when below zero."""
    refused = _added_refusal(account, leg, amount)
    if refused is not None:
        return refused
    before = leg.added
    account.set_added(leg, add(before, amount))
    if account.in_danger(leg):
        account.set_added(leg, before)
        return f"110046: the position would be liquidated at once with {amount} USDT of margin less"
    return None


def _added_refusal(account: Account, leg: Leg, amount: Decimal) -> str | None:
    if not account.isolated:
        return "110015: margin cannot be added in cross margin mode"
    if not leg.position.qty:
        return f"110033: there is no position {leg.key}"
    if not amount or not on_grid(amount, MARGIN_GRID):
        return f"10001: {amount} USDT is not an amount of up to 4 decimals other than zero"
    if amount > 0 and amount > account.available():
        return f"110012: {amount} USDT is more than the {account.available()} USDT available"
    if amount < 0 and add(leg.added, amount) < 0:
        return f"110078: {amount.copy_abs()} USDT is more than the {leg.added} USDT that were added"
    return None


def _leverage_refusal(account: Account, market: Market, leverage: Decimal) -> str | None:
    instrument = market.instrument
    if instrument is None:
        return f"10001: {market.symbol} is unknown"
    refused = _off_range(instrument, leverage)
    if refused is not None:
        return refused
    if leverage == account.leverage_of(market.symbol):
        return f"110043: the leverage is {leverage} already"
    value = max((_exposure(leg) for leg in account.legs_made(market.symbol)), default=Decimal(0))
    tier = margin.tier_of(margin.tiers_of(instrument), value)
    if leverage > tier.max_leverage:
        return f"110013: {leverage} is above the {tier.max_leverage} allowed for {value} USDT of position and orders"
    return None


def _off_range(instrument: Instrument, leverage: Decimal) -> str | None:
    lowest, highest = instrument.min_leverage, instrument.max_leverage
    if lowest <= leverage <= highest and on_grid(leverage, instrument.leverage_step):
        return None
    return (
        f"10001: a leverage of {leverage} is not between {lowest} and {highest} in steps of {instrument.leverage_step}"
    )


def _exposure(leg: Leg) -> Decimal:
    """Value at mark of the position and of the orders of the heavier side, USDT."""
    held = leg.value()
    long = multiply(add(leg.reducible(Side.SELL), leg.buys.qty), leg.mark())
    short = multiply(add(leg.reducible(Side.BUY), leg.sells.qty), leg.mark())
    return max(held, long, short)


def _cannot_carry(account: Account, free_before: Decimal) -> str | None:
    free = account.available()
    if free < 0 and free < free_before:
        return f"110044: {free} USDT would be available with that leverage"
    for leg in account.legs():
        if account.in_danger(leg):
            return f"110011: {leg.key} would be liquidated at once"
    return None
