"""The laptop: the same manifests as in the cluster, in one process, on SQLite."""
