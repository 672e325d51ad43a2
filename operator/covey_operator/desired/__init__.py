"""What is wanted: from a resource and what it references to plain manifests. Pure."""
