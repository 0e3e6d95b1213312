"""Who reads what a rotation writes in a Kubernetes cluster, and what somebody has to do about it."""
