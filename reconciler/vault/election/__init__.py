"""Who of several reconcilers acts: a lease in KV, and the question that is asked before each step."""
