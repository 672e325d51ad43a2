"""Runs of flows: from a compiled flow to an outcome."""
