"""Why pods of workloads are not ready, or were lost."""
