"""Venues: Bybit, the simulated exchange, and the Bybit-compatible sandbox."""
