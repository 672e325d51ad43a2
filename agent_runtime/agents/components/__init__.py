"""What is around the stages of every piece of work: events, metrics, retries. One file each."""
