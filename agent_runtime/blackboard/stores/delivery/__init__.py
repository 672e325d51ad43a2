"""The rules of deliveries that all stores share. Pure."""
