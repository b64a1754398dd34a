"""The way to a running daemon: a Unix socket in the run's folder that takes commands and tells the status.

POST /commands   {"name": "halt", "lane": "", "reason": "...", "request": "..."}   answered once it is durable
GET /status      how the run and its lanes stand

The serving half is `daemon.control.server`: who only asks needs no HTTP server.
"""

from __future__ import annotations

from daemon.control.client import ask_status, give_command, is_running
from daemon.control.messages import Given, LaneStatus, OpenOrder, Order, Status

__all__ = [
    "Given",
    "LaneStatus",
    "OpenOrder",
    "Order",
    "Status",
    "ask_status",
    "give_command",
    "is_running",
]
