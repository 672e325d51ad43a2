"""Agents: how one answers a message or works on a delivery, and what is around that."""
