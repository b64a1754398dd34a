"""A second opinion on money: what fills and funding come to, in fractions, with averages kept as they are taught."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from daemon.core.events import Side
from daemon.core.venue import FillReport, FundingReport, Report, TransferReport

Held = tuple[Fraction, Fraction]
"""Signed quantity and its average entry price."""


class NaiveBooks:
    """Cash and positions by name. `name` says which position a fill is for."""

    def __init__(self) -> None:
        self.cash = Fraction(0)
        self.held: dict[str, Held] = {}

    def fold(self, reports: Iterable[tuple[Report, str]]) -> None:
        """Book what was reported, each with the name of its position."""
        for report, name in reports:
            match report:
                case TransferReport():
                    self.cash += Fraction(report.amount)
                case FundingReport():
                    self.cash -= Fraction(report.fee)
                case FillReport():
                    self.fill(name, report)
                case _:
                    pass

    def fill(self, name: str, report: FillReport) -> None:
        """One execution: it closes what is open the other way, and opens the rest."""
        price, left = Fraction(report.price), Fraction(report.qty)
        qty, entry = self.held.get(name, (Fraction(0), Fraction(0)))
        sign = 1 if report.side is Side.BUY else -1
        self.cash -= Fraction(report.fee)
        if qty * sign < 0:
            closed = min(left, abs(qty))
            self.cash -= sign * closed * (price - entry)
            qty += sign * closed
            left -= closed
        if left:
            entry = (abs(qty) * entry + left * price) / (abs(qty) + left)
            qty += sign * left
        self.held[name] = (qty, entry if qty else Fraction(0))
