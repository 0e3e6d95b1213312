"""Protocols that begin in the clear and change to TLS: one file a protocol, one line in `dialogues`."""
