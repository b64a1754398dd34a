"""Strategies, one per file; they see the core only."""
