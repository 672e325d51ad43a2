"""A run store in Postgres."""
