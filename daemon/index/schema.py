"""Tables of the index. Money, prices, quantities and equity are TEXT decimals, times integer nanoseconds UTC."""

from __future__ import annotations

SCHEMA_VERSION = 2

# Columns by table. An integer is marked :i, a float :f, the key by a star; the rest is text.
_COLUMNS = {
    "runs": """*run_id mode created ended reason parent lineage config_digest code_digest code_version code_commit
        code_dirty:i strategies inputs:i records:i decisions_crc orders:i fills:i""",
    "decisions": """*run_id *lane *strategy *symbol evaluations:i holds:i buys:i sells:i closes:i cancels:i amends:i
        protects:i denied:i ts_first:i ts_last:i""",
    "orders": """*run_id *lane *order_id decision:i strategy symbol side type time_in_force qty price trigger_price
        reduce_only:i stop_order_type create_type status filled_qty reason ts_first:i ts_last:i""",
    "fills": """*run_id *seq:i ts:i lane strategy symbol side price qty fee maker:i realised_pnl position cash order_id
        fill_id decision:i cause:i exec_type slippage""",
    "refusals": "*run_id *seq:i ts:i lane decision:i strategy symbol order_id what reason cause:i",
    "funding": "*run_id *seq:i ts:i lane symbol boundary:i qty mark rate fee cash cause:i",
    "liquidations": """*run_id *seq:i ts:i lane symbol step side qty mark liquidation_price bankruptcy_price
        margin_balance maintenance_margin cause:i""",
    "accounts": """*run_id *seq:i ts:i lane equity available initial_margin maintenance_margin order_margin
        margin_ratio:f exposure liquidation_symbol liquidation_distance:f fees funding slippage cause:i""",
    "equity": "*run_id *lane *ts:i equity",
    "parity": "*left_run *right_run *question verdict compared:i equal:i rate:f first_divergence created",
}
_TYPES: dict[str, type] = {"": str, "i": int, "f": float}

TABLES = tuple(_COLUMNS)
WRITTEN_DOWN = ("fills", "refusals", "funding", "liquidations", "accounts")
OF_A_RUN = ("runs", "decisions", "orders", *WRITTEN_DOWN, "equity")
EPOCHS = """
select config_digest, code_digest, strategies, count(*) as runs, min(created) as first, max(created) as last
from runs group by config_digest, code_digest, strategies
"""


def columns_of(table: str) -> dict[str, type]:
    """Columns of a table with their types."""
    parts = (word.lstrip("*").partition(":") for word in _COLUMNS[table].split())
    return {name: _TYPES[mark] for name, _, mark in parts}


def key_of(table: str) -> tuple[str, ...]:
    """Primary key of a table."""
    return tuple(word.lstrip("*").partition(":")[0] for word in _COLUMNS[table].split() if word.startswith("*"))
