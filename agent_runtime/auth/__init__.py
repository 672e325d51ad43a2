"""Who a caller is: tokens, service accounts, and their checks."""
