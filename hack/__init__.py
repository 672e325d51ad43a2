"""What contributors run on their own machine; nothing of it is shipped."""
