"""Each guard by itself, and through an engine that trades around 100 with 10,000 USDT."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.events import Command, Link, Restarted, Stale, Timer
from daemon.core.guards import GuardSettings, Intent, judge
from daemon.core.lane import Runner
from daemon.core.records import DecisionLine, OrderLine, Record
from daemon.core.strategy import OnTimer
from daemon.core.units import NS_PER_DAY, NS_PER_MINUTE, NS_PER_MS, NS_PER_SECOND
from tests.daemon.core.build import (
    BTC,
    MIDNIGHT,
    NO_GUARDS,
    Run,
    Scripted,
    buy,
    close,
    instrument,
    lane,
    of_kind,
    quote,
    ready,
    sell,
    ticker,
    trade,
)


def intent(**changes: Any) -> Intent:
    """An order of 100 USDT at 100 that nothing speaks against."""
    plain: dict[str, Any] = {
        "is_exit": False,
        "price": 100.0,
        "anchor": 100.0,
        "order_notional": 100.0,
        "position_notional_after": 100.0,
        "gross_notional_after": 100.0,
        "equity": 1000.0,
        "day_loss": 0.0,
        "orders_last_minute": 0,
        "data_age": 0,
        "stale_topics": 0,
        "halted": False,
    }
    return Intent(**(plain | changes))


def settings(**limits: Any) -> GuardSettings:
    return msgspec.structs.replace(NO_GUARDS, **limits)


# guard, its code, a limit, an intent at the limit, an intent just beyond it
LIMITS: list[tuple[str, str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (
        "stale_data",
        "MARKET_DATA_STALE",
        {"stale_after_ms": 1000},
        {"data_age": 1000 * NS_PER_MS},
        {"data_age": 1000 * NS_PER_MS + 1},
    ),
    (
        "order_rate",
        "ORDER_RATE_ABOVE_LIMIT",
        {"max_orders_per_min": 3},
        {"orders_last_minute": 2},
        {"orders_last_minute": 3},
    ),
    (
        "order_notional",
        "ORDER_NOTIONAL_ABOVE_LIMIT",
        {"max_order_notional_usdt": 500.0},
        {"order_notional": 500.0},
        {"order_notional": 500.01},
    ),
    (
        "position",
        "POSITION_ABOVE_LIMIT",
        {"max_position_notional_usdt": 500.0},
        {"position_notional_after": -500.0},
        {"position_notional_after": -500.01},
    ),
    (
        "leverage",
        "LEVERAGE_ABOVE_LIMIT",
        {"max_leverage": 2.0},
        {"gross_notional_after": 2000.0},
        {"gross_notional_after": 2000.01},
    ),
    (
        "daily_loss",
        "DAILY_LOSS_ABOVE_LIMIT",
        {"max_daily_loss_usdt": 50.0},
        {"day_loss": 50.0},
        {"day_loss": 50.01},
    ),
    ("price_collar", "PRICE_OUTSIDE_COLLAR", {"price_collar": 0.05}, {"price": 105.0}, {"price": 105.01}),
    ("price_collar", "PRICE_OUTSIDE_COLLAR", {"price_collar": 0.05}, {"price": 95.0}, {"price": 94.99}),
]


@pytest.mark.parametrize(("guard", "code", "limit", "at", "beyond"), LIMITS)
def test_a_number_at_its_limit_is_allowed_and_one_beyond_it_is_denied(
    guard: str, code: str, limit: dict[str, Any], at: dict[str, Any], beyond: dict[str, Any]
) -> None:
    (allowed,) = judge(intent(**at), settings(**limit))
    (denied,) = judge(intent(**beyond), settings(**limit))
    assert (allowed.guard, allowed.allow, allowed.code) == (guard, True, "OK")
    assert (denied.guard, denied.allow, denied.code) == (guard, False, code)
    assert allowed.value <= allowed.limit
    assert denied.value > denied.limit


@pytest.mark.parametrize(("guard", "code", "limit", "at", "beyond"), LIMITS)
def test_a_guard_without_a_limit_says_nothing(
    guard: str, code: str, limit: dict[str, Any], at: dict[str, Any], beyond: dict[str, Any]
) -> None:
    assert judge(intent(**beyond), NO_GUARDS) == ()


@pytest.mark.parametrize(("guard", "code", "limit", "at", "beyond"), LIMITS)
def test_an_exit_is_held_back_by_the_price_collar_only(
    guard: str, code: str, limit: dict[str, Any], at: dict[str, Any], beyond: dict[str, Any]
) -> None:
    verdicts = judge(intent(is_exit=True, halted=True, stale_topics=1, **beyond), settings(**limit))
    assert [verdict.guard for verdict in verdicts if not verdict.allow] == (
        ["price_collar"] if guard == "price_collar" else []
    )


def test_a_halted_lane_denies_entries() -> None:
    (verdict,) = judge(intent(halted=True), NO_GUARDS)
    assert (verdict.guard, verdict.allow, verdict.code) == ("halted", False, "LANE_HALTED")
    assert judge(intent(halted=False), NO_GUARDS) == ()


def test_a_silent_topic_denies_entries_whatever_the_age_of_the_data() -> None:
    (verdict,) = judge(intent(stale_topics=1), settings(stale_after_ms=1000))
    assert (verdict.guard, verdict.allow, verdict.code) == ("stale_data", False, "MARKET_DATA_STALE")


@pytest.mark.parametrize("equity", [0.0, -5.0])
def test_nobody_enters_on_no_equity(equity: float) -> None:
    (verdict,) = judge(intent(equity=equity), settings(max_leverage=2.0))
    assert not verdict.allow


@given(st.sampled_from(["order_notional", "position_notional_after", "gross_notional_after", "day_loss", "price"]))
def test_what_is_not_a_number_is_denied(field: str) -> None:
    every = settings(
        max_order_notional_usdt=1e9,
        max_position_notional_usdt=1e9,
        max_leverage=100.0,
        max_daily_loss_usdt=1e9,
        price_collar=0.5,
    )
    assert all(verdict.allow for verdict in judge(intent(), every))
    assert not all(verdict.allow for verdict in judge(intent(**{field: float("nan")}), every))


def test_an_order_without_a_known_price_is_not_held_against_the_collar() -> None:
    assert judge(intent(price=0.0), settings(price_collar=0.05)) == ()


def test_the_collar_measures_from_the_anchor() -> None:
    (beside,) = judge(intent(price=129.0, anchor=130.0), settings(price_collar=0.05))
    (away,) = judge(intent(price=100.0, anchor=130.0), settings(price_collar=0.05))
    assert (beside.allow, away.allow) == (True, False)
    assert away.value == pytest.approx(30 / 130)


def test_every_guard_answers_an_entry_in_the_order_of_the_table() -> None:
    every = GuardSettings(max_order_notional_usdt=1e9, max_position_notional_usdt=1e9, max_daily_loss_usdt=1e9)
    names = ["stale_data", "order_rate", "order_notional", "position", "leverage", "daily_loss", "price_collar"]
    assert [verdict.guard for verdict in judge(intent(), every)] == names
    assert [verdict.guard for verdict in judge(intent(halted=True), every)] == ["halted", *names]


@pytest.mark.parametrize(
    "wrong",
    [
        {"stale_after_ms": 0},
        {"max_orders_per_min": 0},
        {"max_order_notional_usdt": 0.0},
        {"max_position_notional_usdt": float("nan")},
        {"max_leverage": 126.0},
        {"max_daily_loss_usdt": float("inf")},
        {"price_collar": 0.6},
        {"max_notional": 1.0},
    ],
    ids=str,
)
def test_limits_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, GuardSettings)


# Through the engine


def trading(strategy: Scripted, **limits: Any) -> Run:
    return ready(lane(strategy, guards=settings(**limits)))


def assert_denied(records: list[Record], code: str) -> None:
    """A denied order leaves its decision with the verdict, and no order."""
    (decision,) = of_kind(records, DecisionLine)
    denied = [verdict.code for verdict in decision.verdicts if not verdict.allow]
    assert denied == [code]
    assert decision.decision.qty > 0
    assert of_kind(records, OrderLine) == []


def assert_sent(records: list[Record]) -> None:
    (decision,) = of_kind(records, DecisionLine)
    assert all(verdict.allow for verdict in decision.verdicts)
    assert of_kind(records, OrderLine) != []


def test_in_an_engine_a_market_fact_after_a_long_silence_is_fresh() -> None:
    run = trading(Scripted(buy(1), buy(1)), stale_after_ms=1000)
    assert_sent(run.tell(trade(100.0)))
    silence = 10 * NS_PER_SECOND
    assert_sent(run.tell(trade(100.0, at=MIDNIGHT + silence), after=silence))


@pytest.mark.parametrize(("late_ms", "sent"), [(1000, True), (1001, False)])
def test_in_an_engine_a_market_fact_that_arrives_late_is_denied_beyond_the_limit(late_ms: int, sent: bool) -> None:
    run = trading(Scripted(buy(1)), stale_after_ms=1000)
    records = run.tell(trade(100.0), after=late_ms * NS_PER_MS)
    if sent:
        assert_sent(records)
    else:
        assert_denied(records, "MARKET_DATA_STALE")


@pytest.mark.parametrize(("waited_ms", "sent"), [(1000, True), (1001, False)])
def test_in_an_engine_a_timer_finds_old_data_denied_at_the_limit_only(waited_ms: int, sent: bool) -> None:

    run = trading(Scripted(buy(1), triggers=(OnTimer("tick"),)), stale_after_ms=1000)
    run.tell(trade(100.0))
    records = run.tell(Timer("tick", 0), after=waited_ms * NS_PER_MS)
    if sent:
        assert_sent(records)
    else:
        assert_denied(records, "MARKET_DATA_STALE")


def test_in_an_engine_a_stale_topic_denies_until_it_speaks_again() -> None:
    run = trading(Scripted(buy(1), buy(1)), stale_after_ms=1000)
    run.tell(Stale("public", "tickers", BTC, stale=True), Stale("public", "tickers", "ETHUSDT", stale=True))
    assert_denied(run.tell(trade(100.0)), "MARKET_DATA_STALE")
    run.tell(Stale("public", "tickers", BTC, stale=False))
    assert_sent(run.tell(trade(100.0)))


@pytest.mark.parametrize("topics", [(), ("publicTrade.BTCUSDT",)])
def test_in_an_engine_a_link_that_is_down_denies_until_it_is_up(topics: tuple[str, ...]) -> None:
    run = trading(Scripted(buy(1), buy(1)), stale_after_ms=1000)
    run.tell(Link("public", up=False, topics=topics))
    assert_denied(run.tell(trade(100.0)), "MARKET_DATA_STALE")
    run.tell(Link("public", up=True, topics=topics))
    assert_sent(run.tell(trade(100.0)))


def test_in_an_engine_a_link_that_carries_other_symbols_denies_nothing() -> None:
    run = trading(Scripted(buy(1)), stale_after_ms=1000)
    run.tell(Link("public", up=False, topics=("publicTrade.ETHUSDT",)))
    assert_sent(run.tell(trade(100.0)))


def test_after_a_restart_a_symbol_is_stale_until_it_is_heard_and_old_silences_are_forgotten() -> None:

    run = trading(Scripted(buy(1), buy(1), triggers=(OnTimer("tick"),)), stale_after_ms=60_000)
    run.tell(trade(100.0), Stale("public", "tickers", BTC, stale=True))
    run.tell(Restarted())
    assert_denied(run.tell(Timer("tick", 0)), "MARKET_DATA_STALE")
    run.tell(trade(100.0))
    assert_sent(run.tell(Timer("tick", 0)))


def test_in_an_engine_the_order_rate_counts_sixty_seconds_back() -> None:
    run = trading(Scripted(*[buy(1)] * 5), max_orders_per_min=2)
    assert_sent(run.tell(trade(100.0)))
    assert_sent(run.tell(trade(100.0), after=NS_PER_SECOND))
    assert_denied(run.tell(trade(100.0), after=NS_PER_SECOND), "ORDER_RATE_ABOVE_LIMIT")
    assert_denied(run.tell(trade(100.0), at=MIDNIGHT + NS_PER_MINUTE - 1), "ORDER_RATE_ABOVE_LIMIT")
    assert_sent(run.tell(trade(100.0), at=MIDNIGHT + NS_PER_MINUTE))


def test_in_an_engine_an_order_above_its_notional_limit_is_denied() -> None:
    run = trading(Scripted(buy(5), buy(5.001)), max_order_notional_usdt=500.0)
    assert_sent(run.tell(trade(100.0)))
    assert_denied(run.tell(trade(100.0)), "ORDER_NOTIONAL_ABOVE_LIMIT")


def test_in_an_engine_a_position_may_reach_its_limit_and_not_pass_it_on_either_side() -> None:
    run = trading(Scripted(buy(3), buy(2.001), buy(2), sell(10.001), sell(10)), max_position_notional_usdt=500.0)
    assert_sent(run.tell(trade(100.0)))
    assert_denied(run.tell(trade(100.0)), "POSITION_ABOVE_LIMIT")
    assert_sent(run.tell(trade(100.0)))
    assert_denied(run.tell(trade(100.0)), "POSITION_ABOVE_LIMIT")
    assert_sent(run.tell(trade(100.0)))


def test_resting_orders_count_as_filled_for_the_position_and_those_of_the_other_side_do_not() -> None:
    resting = [buy(4, price=99.0), sell(4, price=101.0)]
    run = trading(Scripted(*resting, buy(1.001), sell(1.001), buy(1)), max_position_notional_usdt=500.0)
    assert_sent(run.tell(trade(100.0)))
    assert_sent(run.tell(trade(100.0)))
    assert_denied(run.tell(trade(100.0)), "POSITION_ABOVE_LIMIT")
    assert_denied(run.tell(trade(100.0)), "POSITION_ABOVE_LIMIT")
    assert_sent(run.tell(trade(100.0)))


def test_in_an_engine_leverage_is_measured_on_all_positions_and_open_orders_of_the_lane() -> None:

    btc, eth = Scripted(buy(60, price=99.0)), Scripted(buy(41), buy(39))
    runners = [Runner("btc", BTC, btc), Runner("eth", "ETHUSDT", eth)]
    run = ready(lane(*runners, guards=settings(max_leverage=1.0)))
    run.tell(instrument("ETHUSDT"), quote(99.9, 100.0, symbol="ETHUSDT"))
    assert_sent(run.tell(trade(100.0)))
    assert_denied(run.tell(trade(100.0, symbol="ETHUSDT")), "LEVERAGE_ABOVE_LIMIT")
    assert_sent(run.tell(trade(100.0, symbol="ETHUSDT")))


def test_in_an_engine_a_limit_price_may_be_at_the_collar_and_not_beyond_it() -> None:
    run = trading(Scripted(buy(1, price=95.0), buy(1, price=94.9)), price_collar=0.05)
    assert_sent(run.tell(trade(100.0)))
    assert_denied(run.tell(trade(100.0)), "PRICE_OUTSIDE_COLLAR")


def test_a_market_order_is_held_against_the_collar_by_the_touch_it_would_hit() -> None:
    run = ready(lane(Scripted(buy(1), sell(1)), guards=settings(price_collar=0.05)), bid=95.0, ask=105.1)
    assert_denied(run.tell(trade(100.0)), "PRICE_OUTSIDE_COLLAR")
    assert_sent(run.tell(trade(100.0)))


def test_exits_pass_when_every_entry_is_denied() -> None:
    strategy = Scripted(buy(2), buy(1), sell(1), close(), sell(1))
    run = trading(strategy, max_orders_per_min=1, stale_after_ms=1000)
    assert_sent(run.tell(trade(100.0)))
    run.tell(Command("halt"), Stale("public", "tickers", BTC, stale=True))
    for expected in (False, True, True, False):
        records = run.tell(trade(100.0))
        assert bool(of_kind(records, OrderLine)) is expected
    assert run.engine.lanes[0].ledger.position(BTC).qty == 0


def test_what_passes_as_an_exit_is_sent_reduce_only() -> None:
    run = trading(Scripted(buy(2), sell(1), close(), sell(1)))
    sent = [of_kind(run.tell(trade(100.0)), OrderLine)[0].reduce_only for _ in range(4)]
    assert sent == [False, True, True, False]


def test_an_order_through_zero_is_an_entry() -> None:
    run = trading(Scripted(buy(1), sell(2)))
    run.tell(trade(100.0))
    run.tell(Command("halt"))
    assert_denied(run.tell(trade(100.0)), "LANE_HALTED")


def test_a_resting_order_makes_no_exit_of_an_order_that_opens() -> None:
    run = trading(Scripted(buy(1, price=99.0), close(), sell(1)))
    run.tell(trade(100.0))
    run.tell(Command("halt"))
    (closing,) = of_kind(run.tell(trade(100.0)), DecisionLine)
    assert (closing.decision.action.value, closing.decision.reason) == ("hold", "told to close; already flat")
    assert_denied(run.tell(trade(100.0)), "LANE_HALTED")


# Halts


def test_an_operator_halts_and_resumes_one_lane_or_all() -> None:
    first = lane(Scripted(*[buy(1)] * 3), name="first")
    second = lane(Scripted(*[buy(1)] * 3), name="second")
    run = ready(first, second)
    run.tell(Command("halt", "first", "lunch"))
    assert {line.lane for line in of_kind(run.tell(trade(100.0)), OrderLine)} == {"second"}
    run.tell(Command("halt", "", "fire"))
    assert of_kind(run.tell(trade(100.0)), OrderLine) == []
    run.tell(Command("resume", "", "coffee"))
    assert {line.lane for line in of_kind(run.tell(trade(100.0)), OrderLine)} == {"first", "second"}
    assert [(line.lane, line.halted, line.reason) for line in run.halts()] == [
        ("first", True, "operator: lunch"),
        ("first", True, "operator: fire"),
        ("second", True, "operator: fire"),
        ("first", False, "operator lifted: coffee"),
        ("second", False, "operator lifted: coffee"),
    ]


def test_halting_again_for_the_same_reason_and_resuming_what_runs_says_nothing() -> None:
    run = ready(lane(Scripted()))
    assert run.tell(Command("resume")) == []
    assert len(run.tell(Command("halt", "", "fire"), Command("halt", "", "fire"))) == 1


def test_a_command_for_another_lane_or_of_another_name_changes_nothing() -> None:
    run = ready(lane(Scripted(buy(1))))
    assert run.tell(Command("halt", "another"), Command("dance")) == []
    assert_sent(run.tell(trade(100.0)))


def losing(*then: Any) -> Run:
    """A run that bought 10 at 100.1 and sees 94.9: 52 USDT lost today with a limit of 50."""
    run = ready(lane(Scripted(buy(10), *then), guards=settings(max_daily_loss_usdt=50.0), leverage=2))
    run.tell(trade(100.0), quote(94.8, 95.0))
    return run


def test_a_daily_loss_at_the_limit_is_allowed() -> None:
    run = losing(buy(1))
    run.tell(quote(95.0, 95.1))
    assert_sent(run.tell(trade(95.1)))
    assert run.halts() == []


def test_a_daily_loss_above_the_limit_denies_and_halts_until_the_next_utc_day() -> None:
    run = losing(buy(1), buy(1), buy(1), close(), buy(1))
    denied = run.tell(trade(94.9))
    assert_denied(denied, "DAILY_LOSS_ABOVE_LIMIT")
    assert [(line.halted, line.reason) for line in run.halts()] == [(True, "daily_loss: until the next day, UTC")]
    # What was lost is won again, and the lane stays halted.
    assert_denied(run.tell(quote(120.0, 120.1), trade(120.0)), "LANE_HALTED")
    assert_denied(run.tell(trade(120.0), at=MIDNIGHT + NS_PER_DAY - 1), "LANE_HALTED")
    lifted = run.tell(trade(120.0), at=MIDNIGHT + NS_PER_DAY)
    assert_sent(lifted)
    assert [(line.halted, line.reason) for line in run.halts()[1:]] == [(False, "daily_loss lifted: a new day, UTC")]


def test_a_daily_loss_halts_once_however_often_it_denies() -> None:
    run = losing(buy(1), buy(1), buy(1))
    for _ in range(3):
        run.tell(trade(94.9))
    assert len(run.halts()) == 1


def test_an_operator_cannot_resume_what_the_daily_loss_halted() -> None:
    run = losing(buy(1), buy(1))
    run.tell(trade(94.9))
    run.tell(Command("resume"))
    assert run.engine.lanes[0].halts != {}


def test_the_loss_of_a_day_is_counted_from_its_own_midnight() -> None:
    run = losing(buy(1), buy(1))
    run.tell(ticker(mark=94.9))
    assert_sent(run.tell(trade(94.9), at=MIDNIGHT + NS_PER_DAY))
    run.tell(ticker(mark=90.0))
    assert_denied(run.tell(trade(90.0)), "DAILY_LOSS_ABOVE_LIMIT")
