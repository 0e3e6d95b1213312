"""Carries a plan out: journal, lock, issuance, publication, inventory and audit."""
