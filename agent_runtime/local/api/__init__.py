"""The laptop's HTTP API."""
