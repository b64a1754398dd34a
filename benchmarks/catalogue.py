"""Every row by name, in the order of the table."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks import accounts, bars, facts, history, journaling, live, recovery, replays, resting, trading
from benchmarks.row import Row
from benchmarks.size import Size

ROWS: dict[str, Callable[[Size], Row]] = {
    "bars_full_log": bars.bars_full_log,
    "bars_log_off": bars.bars_log_off,
    "trades": facts.trades,
    "quotes": facts.quotes,
    "book_deltas": facts.book_deltas,
    "replay_recorded_frames": replays.replay_recorded_frames,
    "replay_recorded_frames_zst": replays.replay_recorded_frames_zst,
    "live_latency_1000": live.live_latency_1000,
    "live_latency_5000": live.live_latency_5000,
    "feed_throughput": live.feed_throughput,
    "trade_decision_1000": trading.trade_decision_1000,
    "trade_decision_5000": trading.trade_decision_5000,
    "trade_wire_1000": trading.trade_wire_1000,
    "trade_wire_5000": trading.trade_wire_5000,
    "carry_request": trading.carry_request,
    "recovery": recovery.recovery,
    "memory_24h_replay": recovery.memory_24h_replay,
    "backtest_end_to_end": history.backtest_end_to_end,
    "backtest_end_to_end_csv": history.backtest_end_to_end_csv,
    "resting_none": resting.resting_none,
    "resting_10": resting.resting_10,
    "resting_1000": resting.resting_1000,
    "exchange_fills": resting.fills,
    "positions_1": accounts.positions_1,
    "positions_20": accounts.positions_20,
    "positions_200": accounts.positions_200,
    "encode_decision": journaling.encode_decision,
    "append_decision": journaling.append_decision,
    "append_frame": journaling.append_frame,
    "verify_run": journaling.verify_records,
}
