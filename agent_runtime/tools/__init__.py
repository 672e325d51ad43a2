"""The tool port, and the tools that the runtime brings along."""
