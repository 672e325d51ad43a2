"""What the processes of the runtime read, as JSON, and how it is loaded."""
