"""A board again from its event log."""
