"""The runs server: run stores and the queue of runs, behind HTTP, for those who may not see a database."""
