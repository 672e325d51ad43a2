"""The model port, and what stands behind it: providers, and a script that plays one."""
