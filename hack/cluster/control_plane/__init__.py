"""etcd, API server, controllers and scheduler, with their keys."""
