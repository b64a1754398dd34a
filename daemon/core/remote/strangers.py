"""Orders that we did not send: what the venue made by itself, and what somebody did by hand or with another program.

They are followed like our own, for their executions move our position. They belong to no strategy.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from daemon.core.account_events import Executed, OrderSeen
from daemon.core.events import Side
from daemon.core.orders import OrderRequest, PositionIdx, TriggerDirection
from daemon.core.records import CreateType, OrderType, StopOrderType, TimeInForce, TriggerBy

Word = TypeVar("Word", bound=StrEnum)
PROTECTIONS = frozenset(
    {
        CreateType.STOP_ORDER,
        CreateType.TAKE_PROFIT,
        CreateType.STOP_LOSS,
        CreateType.PARTIAL_TAKE_PROFIT,
        CreateType.PARTIAL_STOP_LOSS,
        CreateType.TRAILING_STOP,
    }
)
FORCED = frozenset({CreateType.LIQUIDATION, CreateType.TAKE_OVER, CreateType.ADL})


def word(kind: type[Word], text: str, otherwise: Word) -> Word:
    """A word of the venue as one of ours, or what stands for those we do not know."""
    try:
        return kind(text)
    except ValueError:
        return otherwise


def request_of_order(seen: OrderSeen) -> OrderRequest:
    """What a stranger's order asks for, as far as the venue shows it."""
    return OrderRequest(
        seen.venue_id,
        0,
        "",
        seen.symbol,
        Side(seen.side),
        word(OrderType, seen.type, OrderType.MARKET),
        word(TimeInForce, seen.time_in_force, TimeInForce.GTC),
        seen.qty,
        seen.price,
        seen.reduce_only,
        word_idx(seen.position_idx),
        trigger_price=seen.trigger_price,
        trigger_by=word(TriggerBy, seen.trigger_by, TriggerBy.LAST),
        trigger_direction=TriggerDirection(seen.trigger_direction) if seen.trigger_direction in (1, 2) else None,
        close_on_trigger=seen.close_on_trigger,
        stop_order_type=word(StopOrderType, seen.stop_order_type, StopOrderType.NONE),
        create_type=word(CreateType, seen.create_type, CreateType.OTHER),
    )


def request_of_execution(row: Executed) -> OrderRequest:
    """What is known of an order by one of its executions."""
    return OrderRequest(
        row.venue_id,
        0,
        "",
        row.symbol,
        Side(row.side),
        word(OrderType, row.order_type, OrderType.MARKET),
        TimeInForce.IOC,
        row.qty if row.order_qty is None else max(row.order_qty, row.qty),
        stop_order_type=word(StopOrderType, row.stop_order_type, StopOrderType.NONE),
        create_type=word(CreateType, row.create_type, CreateType.OTHER),
    )


def word_idx(idx: int) -> PositionIdx:
    """A position index; one that we do not know counts as the only one."""
    return PositionIdx(idx) if idx in (0, 1, 2) else PositionIdx.ONE_WAY
