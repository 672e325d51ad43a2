"""Where the queue of runs is kept: SQLite, Postgres or Redis beneath one contract."""
