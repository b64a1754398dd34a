"""Numbers that Bybit published, as cases: each names the page it comes from."""
