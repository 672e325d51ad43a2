"""The board itself: publish, deliver, query, expire, over one store."""
