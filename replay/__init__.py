"""Recorded runs and history as sources; comparison and reports."""
