"""What agents know: documents as vectors, found again by meaning."""
