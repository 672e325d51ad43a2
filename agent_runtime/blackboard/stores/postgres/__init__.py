"""A store in Postgres."""
