"""Warm workers: processes that take runs from a queue."""
