"""What every other package may use: time, CEL, JSON, texts, retries. It imports nothing of the others."""
