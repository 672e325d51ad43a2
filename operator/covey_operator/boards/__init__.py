"""What the operator does on blackboards: triggers, and subscriptions that are over."""
