"""Real TLS handshakes in memory, with what is on disk or with twins of what is planned."""
