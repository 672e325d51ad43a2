"""HTTP: one FastAPI app per kind of server, and what they share (errors, authentication, health)."""
