"""Nodes that do their work for each item of a list."""
