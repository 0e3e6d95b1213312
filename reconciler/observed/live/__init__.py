"""What running processes present: a TLS handshake with each endpoint, compared with what is on disk."""
