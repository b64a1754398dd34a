"""pybit against the sandbox: HTTP, and its websockets for market, account and orders."""

from tests.clients.board import merged
from tests.clients.by_pybit import account, market, order_socket, orders, pages, protection, rules, settings, streams

CHECKS = merged(
    market.CHECKS,
    orders.CHECKS,
    protection.CHECKS,
    pages.CHECKS,
    account.CHECKS,
    settings.CHECKS,
    rules.CHECKS,
    streams.CHECKS,
    order_socket.CHECKS,
)
