"""The client of a board's server."""
