"""Images, built without Docker."""
