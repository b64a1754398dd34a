"""ccxt against the sandbox: its unified methods over REST, and ccxt.pro over websockets."""

from tests.clients.board import merged
from tests.clients.by_ccxt import account, market, order_socket, orders, pages, protection, rules, settings, streams

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
