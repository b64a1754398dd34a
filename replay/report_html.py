"""A run's report as one HTML page that needs nothing else: charts by plotly with its program inside the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

from plotly import graph_objects, io

from daemon.core.events import Side
from replay.curve import Point
from replay.report import LaneReport, RunReport, SymbolReport

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: 1rem 0 2rem; }
th, td { padding: .3rem .8rem; border-bottom: 1px solid #ddd; text-align: right; }
th:first-child, td:first-child { text-align: left; }
"""
LANE_COLUMNS = (
    "lane", "decisions", "orders", "refused", "fills", "realised PnL", "fees", "funding", "slippage", "turnover",
    "cash", "equity", "max drawdown", "worst margin ratio", "liquidations", "halts",
)  # fmt: skip
SYMBOL_COLUMNS = (
    "symbol", "decisions", "holds", "denied", "orders", "by the exchange", "fills", "realised PnL", "fees", "funding",
    "slippage", "turnover", "position", "closed", "won", "exposure", "longest flat",
)  # fmt: skip


def render(report: RunReport, title: str) -> str:
    """Return the page as text, about 5 MB, most of it plotly.

    Args:
        report: what to show.
        title: heading of the page, such as the name of the run.
    """
    charts = _charts(report)
    body = [f"<h1>{escape(title)}</h1>", f"<p>{_span(report)}, all times UTC, money in USDT.</p>"]
    body.append(_table(LANE_COLUMNS, [_lane_row(lane) for lane in report.lanes]))
    for place, (heading, figure) in enumerate(charts):
        inline = "inline" if place == 0 else False
        body.append(f"<h2>{escape(heading)}</h2>")
        body.append(
            io.to_html(figure, full_html=False, include_plotlyjs=inline, div_id=f"chart-{place}", validate=False)
        )
    for lane in report.lanes:
        body.append(f"<h2>Symbols of {escape(lane.lane)}</h2>")
        body.append(_table(SYMBOL_COLUMNS, [_symbol_row(symbol) for symbol in lane.symbols]))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body>\n{chr(10).join(body)}\n</body></html>\n"
    )


def _charts(report: RunReport) -> list[tuple[str, graph_objects.Figure]]:
    charts = [
        ("Equity", _lines((lane.lane, lane.equity) for lane in report.lanes)),
        ("Drawdown", _lines((lane.lane, lane.drawdown) for lane in report.lanes)),
    ]
    charts[1][1].update_yaxes(tickformat=".2%")
    for lane in report.lanes:
        charts += [(f"{symbol.symbol} in {lane.lane}", _executions(symbol)) for symbol in lane.symbols]
    return charts


def _lines(curves: Iterable[tuple[str, Sequence[Point]]]) -> graph_objects.Figure:
    figure = _figure()
    for name, points in curves:
        figure.add_scatter(x=_times(point.ts for point in points), y=[point.value for point in points], name=name)
    return figure


def _executions(symbol: SymbolReport) -> graph_objects.Figure:
    figure = _lines([("mark", symbol.prices)])
    for side, marker, colour in ((Side.BUY, "triangle-up", "#2a8f4f"), (Side.SELL, "triangle-down", "#c23b3b")):
        found = [execution for execution in symbol.executions if execution.side is side]
        figure.add_scatter(
            x=_times(execution.ts for execution in found),
            y=[float(execution.price) for execution in found],
            text=[f"{execution.qty} at {execution.price}" for execution in found],
            mode="markers",
            name=side.value,
            marker={"symbol": marker, "color": colour, "size": 9},
        )
    return figure


def _figure() -> graph_objects.Figure:
    layout = {"height": 360, "margin": {"l": 60, "r": 20, "t": 20, "b": 40}, "template": "plotly_white"}
    return graph_objects.Figure(layout=layout)


def _times(times: Iterable[int]) -> list[str]:
    return [_time(ts) for ts in times]


def _time(ts: int) -> str:
    return datetime.fromtimestamp(ts // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _span(report: RunReport) -> str:
    if report.first_ts is None or report.last_ts is None:
        return "The stream holds no records"
    return f"{_time(report.first_ts)} to {_time(report.last_ts)}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _lane_row(lane: LaneReport) -> Sequence[object]:
    equity = "" if lane.final_equity is None else f"{lane.final_equity:.2f}"
    drawdown = f"{lane.max_drawdown:.2%} ({lane.max_drawdown_usdt:.2f})"
    ratio = "" if lane.margin_ratio is None else f"{lane.margin_ratio:.2%}"
    money = (lane.realised_pnl, lane.fees, lane.funding, lane.slippage, lane.turnover, lane.cash)
    counts = (lane.decisions, lane.orders, lane.refusals, lane.fills)
    return (lane.lane, *counts, *map(_cents, money), equity, drawdown, ratio, lane.liquidations, lane.halts)


def _symbol_row(symbol: SymbolReport) -> Sequence[object]:
    denied = ", ".join(f"{code} {count}" for code, count in symbol.denied.items()) or "0"
    money = map(_cents, (symbol.realised_pnl, symbol.fees, symbol.funding, symbol.slippage, symbol.turnover))
    hours = f"{symbol.longest_flat / 3.6e12:.1f} h"
    won = "" if symbol.win_rate is None else f"{symbol.won} ({symbol.win_rate:.0%})"
    counts = (symbol.decisions, symbol.holds, denied, symbol.orders, symbol.made_orders, symbol.fills)
    return (
        symbol.symbol, *counts, *money, symbol.position, symbol.closed_trades, won, f"{symbol.exposure:.1%}", hours
    )  # fmt: skip


def _cents(amount: object) -> str:
    return f"{amount:.2f}"
