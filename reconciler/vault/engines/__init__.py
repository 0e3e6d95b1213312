"""What is asked of each engine of a server: one module an engine."""
