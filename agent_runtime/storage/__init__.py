"""What all stores share: SQLite, Postgres, Redis, group commit."""
