"""Runs of flows in this process."""
