"""Talking to Vault and OpenBao: one client with its rules, and one module an engine."""
