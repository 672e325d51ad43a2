"""Which subscriptions an artifact matches, alone and in joins. Pure."""
