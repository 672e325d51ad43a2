"""Agents and boards, as runs reach them over HTTP."""
