"""Agents and boards hosted in this process."""
