from __future__ import annotations

import re

from replay.report import summarise
from replay.report_html import render
from tests.replay.streams import records


def test_the_page_needs_nothing_from_elsewhere() -> None:
    page = render(summarise(records()), "run <1>")
    assert "<title>run &lt;1&gt;</title>" in page
    assert not re.search(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=", page)
    assert page.count("Plotly.newPlot(") >= 6
    assert len(page) > 1_000_000


def test_the_page_shows_every_lane_and_symbol() -> None:
    page = render(summarise(records()), "run")
    for column in ("funding", "slippage", "worst margin ratio", "liquidations", "by the exchange"):
        assert f"<th>{column}</th>" in page
    for heading in ("Equity", "Drawdown", "BTCUSDT in a", "ETHUSDT in b", "Symbols of b"):
        assert f"<h2>{heading}</h2>" in page


def test_an_empty_run_has_a_page() -> None:
    assert "The stream holds no records" in render(summarise([]), "run")
