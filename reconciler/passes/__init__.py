"""One look at everything, from the desired state to a plan: what commands and the daemon have in common."""
