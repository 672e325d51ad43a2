"""What makes runs of a Flow: schedules and artifacts. The operator and the laptop share it."""
