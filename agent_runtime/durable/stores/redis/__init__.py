"""A run store in Redis."""
