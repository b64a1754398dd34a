"""A Bybit-compatible exchange on loopback, fed from recordings."""
