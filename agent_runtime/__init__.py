"""Covey's runtime: the kinds, the flow core, the blackboard, the agents and the laptop."""
