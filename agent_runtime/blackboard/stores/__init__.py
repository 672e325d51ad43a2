"""Where a board's artifacts, inboxes and leases are kept: one contract, several stores."""
