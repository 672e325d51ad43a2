"""A blackboard's HTTP server."""
