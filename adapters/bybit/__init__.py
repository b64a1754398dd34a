"""Bybit v5: wire types, frame decoder, sans-I/O session and the public feed."""
