"""The Kubernetes API: client, resources, ownership, leader election."""
