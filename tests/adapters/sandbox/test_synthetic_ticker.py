from __future__ import annotations

from adapters.sandbox.listings import LISTINGS, grid_of
from adapters.sandbox.market_data import MINUTE_MS, MinuteBar, SymbolData
from adapters.sandbox.synthetic_ticker import DAY_MINUTES, DayWindow, FundingSchedule, SyntheticTicker

BTC = LISTINGS["BTCUSDT"]
EIGHT_HOURS_MS = 8 * 3_600_000


def minute(index: int, price: int) -> MinuteBar:
    return MinuteBar(index * MINUTE_MS, price, price + 1, price - 1, price, 10)


def ticker_at(price: int) -> SyntheticTicker:
    data = SymbolData(listing=BTC, bars=[minute(0, price)])
    return SyntheticTicker(data, grid_of(BTC.instrument), history=[], first=data.bars[0], step_seconds=5.0)


def update(ticker: SyntheticTicker, price: int, ts_ms: int = 0) -> dict[str, str]:
    touch = (price, 5, price + 1, 6)
    return ticker.update(ts_ms, minute(0, price), signed_lots=100, direction="PlusTick", touch=touch)


def test_the_day_window_forgets_the_minute_before_the_last_1440() -> None:
    history = [minute(index, 1000 + index) for index in range(DAY_MINUTES)]
    window = DayWindow(history, open_first=1)
    assert (window.low, window.high, window.lots) == (999, 1000 + DAY_MINUTES, 10 * DAY_MINUTES)
    window.close_minute(minute(DAY_MINUTES, 5000))
    assert (window.low, window.high, window.lots) == (1000, 5001, 10 * DAY_MINUTES)
    assert (window.open_before(DAY_MINUTES), window.open_before(1)) == (1001, 5000)


def test_funding_is_predicted_for_the_next_boundary_and_defaults_without_a_record() -> None:
    schedule = FundingSchedule([(EIGHT_HOURS_MS, "0.0002"), (2 * EIGHT_HOURS_MS, "-0.0003")], 480)
    assert schedule.next_at(0) == (EIGHT_HOURS_MS, "0.0002")
    assert schedule.next_at(EIGHT_HOURS_MS - 1) == (EIGHT_HOURS_MS, "0.0002")
    assert schedule.next_at(EIGHT_HOURS_MS) == (2 * EIGHT_HOURS_MS, "-0.0003")
    assert schedule.next_at(2 * EIGHT_HOURS_MS) == (3 * EIGHT_HOURS_MS, "0.0001")


def test_an_update_reports_exactly_the_fields_that_changed() -> None:
    ticker = ticker_at(1_000_000)
    update(ticker, 1_000_000)
    before = dict(ticker.fields)
    changed = update(ticker, 1_000_100)
    assert changed == {name: text for name, text in ticker.fields.items() if before.get(name) != text}
    assert changed["lastPrice"] == "100010.00"
    assert "fundingRate" not in changed


def test_mark_follows_the_last_price_faster_than_the_index_and_both_get_there() -> None:
    ticker = ticker_at(1_000_000)
    update(ticker, 1_001_000)
    first = {name: float(ticker.fields[name]) for name in ("lastPrice", "markPrice", "indexPrice")}
    assert first["indexPrice"] < first["markPrice"] < first["lastPrice"]
    for _ in range(200):
        update(ticker, 1_001_000)
    assert ticker.fields["markPrice"] == ticker.fields["indexPrice"] == ticker.fields["lastPrice"]
