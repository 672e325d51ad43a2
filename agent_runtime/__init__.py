"""Covey's runtime: the kinds, the flow core, the blackboard, the agents and the laptop."""

__version__ = "0.1.0"
"""Here as well as in pyproject.toml: the images hold the source and no metadata of the distribution."""
