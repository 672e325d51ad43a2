"""A run store in SQLite."""
