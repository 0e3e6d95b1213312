"""From a cluster as it is to a desired state that asks for nothing else."""
