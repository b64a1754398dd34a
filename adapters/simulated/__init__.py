"""The simulated exchange: USDT perpetuals as Bybit runs them."""
