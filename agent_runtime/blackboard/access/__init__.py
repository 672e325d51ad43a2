"""Who may see what: tenants and visibility."""
