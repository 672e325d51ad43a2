"""The work queue, and reconciling one resource after the other."""
