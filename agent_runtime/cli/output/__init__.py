"""What commands print: tables, events, live pictures."""
