"""What is wrong with the certificates of a cluster, what breaks because of it and when, and how to mend it."""
