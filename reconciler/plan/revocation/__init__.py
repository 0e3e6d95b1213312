"""Revocation: which certificates are revoked, what their CAs' lists should hold, and who will notice."""
