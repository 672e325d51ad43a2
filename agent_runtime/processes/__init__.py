"""The main function of each of the runtime's processes, and nothing else."""
